#include "clickhouse/placement.h"

#include <fmt/core.h>

#include <charconv>

namespace viridian::clickhouse {
namespace {

constexpr std::string_view kShard = "shard-";

}  // namespace

std::string placement_of(uint32_t shard) { return fmt::format("{}{}", kShard, shard); }

Result<uint32_t> shard_of(std::string_view placement) {
  if (placement.empty()) return 0U;
  uint32_t shard = 0;
  const char* const end = placement.data() + placement.size();
  if (placement.starts_with(kShard)) {
    const auto [at, error] = std::from_chars(placement.data() + kShard.size(), end, shard);
    if (error == std::errc() && at == end) return shard;
  }
  return Error(Code::data_loss,
               fmt::format("the SysDb says that a collection is kept on '{}', which names no shard "
                           "of ClickHouse: another version, or another segment manager, wrote it",
                           placement));
}

}  // namespace viridian::clickhouse
