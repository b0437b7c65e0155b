#pragma once
#include <chrono>

#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// Waits, at most until the context ends.
Status pause(const Context& context, std::chrono::milliseconds time);

}  // namespace viridian::clickhouse
