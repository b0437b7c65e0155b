#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// What Segment::placement says of a shard: "shard-N".
std::string placement_of(uint32_t shard);
/// The shard that a placement names. None is shard 0: there was only one when it was made.
///   data_loss  it is no such text
Result<uint32_t> shard_of(std::string_view placement);

}  // namespace viridian::clickhouse
