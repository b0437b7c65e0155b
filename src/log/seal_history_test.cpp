#include "log/seal_history.h"

#include <gtest/gtest.h>

namespace viridian::clickhouse {
namespace {

EpochRows seal(uint64_t epoch, uint64_t prev_epoch, SeqId prev_last) {
  return {epoch, true, prev_epoch, prev_last, prev_last};
}
EpochRows records(uint64_t epoch, SeqId last) { return {epoch, false, 0, 0, last}; }

Extent extent(const std::vector<EpochRows>& rows) {
  const auto found = extent_of(CollectionId(), rows);
  EXPECT_TRUE(found.ok()) << found.error().message();
  return found.value_or(Extent());
}

using Spans = std::vector<Span>;

TEST(SealHistory, NothingStoredIsNoHistory) {
  EXPECT_EQ(extent({}).last, 0u);
  EXPECT_TRUE(extent({}).spans.empty());
}

TEST(SealHistory, SealsChainEpochsAndTheNewestOnesRecordsCount) {
  const Extent found =
      extent({seal(2, 0, 0), records(2, 10), seal(5, 2, 7), records(5, 12), seal(9, 5, 12)});
  EXPECT_EQ(found.base, 0u);
  EXPECT_EQ(found.last, 12u);
  EXPECT_EQ(found.spans, (Spans{{2, 1}, {5, 8}, {9, 13}}));
}

// A writer of epoch 5 that had lost its lease: nothing of what it wrote is history.
TEST(SealHistory, EpochThatNoSealNamesIsPassedBy) {
  const Extent found =
      extent({seal(2, 0, 0), records(2, 10), seal(5, 2, 10), records(5, 30), seal(6, 2, 10)});
  EXPECT_EQ(found.last, 10u);
  EXPECT_EQ(found.spans, (Spans{{2, 1}, {6, 11}}));
}

TEST(SealHistory, OfTwoSealsOfAnEpochTheOneFurtherOnCounts) {
  const Extent found = extent({seal(2, 0, 0), records(2, 10), seal(3, 2, 8), seal(3, 2, 10)});
  EXPECT_EQ(found.last, 10u);
  EXPECT_EQ(found.spans, (Spans{{2, 1}, {3, 11}}));
}

TEST(SealHistory, TrimmedHistoryBeginsWhereItsSealSays) {
  const Extent inside = extent({seal(2, 0, 0), records(2, 10), seal(2, 0, 4), seal(3, 2, 10)});
  EXPECT_EQ(inside.base, 4u);
  EXPECT_EQ(inside.spans, (Spans{{2, 5}, {3, 11}}));
  // All of it; the older rows may be gone then.
  const Extent all = extent({seal(3, 2, 10), seal(3, 0, 10)});
  EXPECT_EQ(all.base, 10u);
  EXPECT_EQ(all.last, 10u);
  EXPECT_EQ(all.spans, (Spans{{3, 11}}));
}

TEST(SealHistory, MissingSealIsDataLoss) {
  const std::vector<EpochRows> rows = {seal(5, 2, 7), records(5, 9)};
  const auto found = extent_of(CollectionId(), rows);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), Code::data_loss);
}

}  // namespace
}  // namespace viridian::clickhouse
