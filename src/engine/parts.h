#pragma once
#include "viridian/spi/log.h"
#include "viridian/spi/segments.h"
#include "viridian/spi/sysdb.h"

namespace viridian::engine {

/// What the engine is put together from. All outlive it.
struct Parts {
  SysDb& sysdb;
  Producer& producer;
  Consumer& consumer;
  SegmentManager& segments;
};

}  // namespace viridian::engine
