#include "clickhouse/placement.h"

#include <gtest/gtest.h>

namespace viridian::clickhouse {
namespace {

TEST(Placement, ComesBack) {
  for (const uint32_t shard : {0u, 1u, 12u, 4294967295u})
    EXPECT_EQ(shard_of(placement_of(shard)).value_or(99), shard);
  EXPECT_EQ(placement_of(3), "shard-3");
  EXPECT_EQ(shard_of("").value_or(99), 0u);
}

// Taken for shard 0, a collection would be looked for where it is not, and found empty.
TEST(Placement, NothingElseIsAShard) {
  for (const char* wrong : {"shard-", "shard-x", "shard-1x", "shard-4294967296", "shard--1", "1",
                            "Shard-1", "shard-1 "}) {
    const auto shard = shard_of(wrong);
    ASSERT_FALSE(shard.ok()) << wrong;
    EXPECT_EQ(shard.error().code(), Code::data_loss);
  }
}

}  // namespace
}  // namespace viridian::clickhouse
