#include "log/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "conformance/mem_history.h"

namespace viridian::clickhouse {
namespace {

struct Asked {
  History::Commit commit;
  bool counts;
};

// Epochs follow each other, some without a record; commits succeed or come too late; some of it is
// trimmed: what is said afterwards of any commit is true, and said wherever it can be.
TEST(History, WhatCameOfACommitIsToldByTheEpochAfterIt) {
  std::mt19937 random(5);
  const Context context;
  for (int round = 0; round < 300; ++round) {
    conformance::MemHistory history;
    const CollectionId id = Uuid::random();
    std::vector<Asked> asked;
    for (uint64_t epoch = 1; epoch <= 8; ++epoch) {
      ASSERT_TRUE(history.begin(context, id, epoch).ok());
      for (auto left = random() % 4; left > 0; --left) {
        const SeqId last = history.extent(context, id)->last;
        const History::Commit one{id, epoch, last, last + 1 + random() % 3};
        const bool counts = random() % 3 != 0;
        if (counts) {
          ASSERT_TRUE(history.commit(context, std::span(&one, 1)).front().ok());
        }
        asked.push_back({one, counts});
        if (!counts) break;
      }
      if (random() % 4 == 0) {
        ASSERT_TRUE(history.trim(context, id, random() % 12).ok());
      }
      const Extent extent = *history.extent(context, id);
      for (const auto& [commit, counts] : asked) {
        const Status told = outcome_in(extent, id, commit.epoch, commit.to);
        const bool open = !told.ok() && told.error().code() == Code::unavailable;
        if (told.ok()) {
          EXPECT_TRUE(counts);
        }
        if (!told.ok() && !open) {
          EXPECT_FALSE(counts);
        }
        if (open) {
          EXPECT_TRUE(commit.epoch == epoch || commit.to <= extent.base);
        }
      }
    }
  }
}

// It began when some of its predecessor's rows had not come yet; its successor goes on from all of
// them, and so by it.
TEST(History, NothingCountsOfAnEpochThatWasPassedBy) {
  const Extent extent{0, 25, {{4, 1}, {6, 21}}};
  EXPECT_EQ(outcome_in(extent, CollectionId(), 5, 11).error().code(), Code::aborted);
  EXPECT_TRUE(outcome_in(extent, CollectionId(), 4, 20).ok());
}

TEST(History, OfAForgottenHistoryNothingCounts) {
  EXPECT_EQ(outcome_in({}, CollectionId(), 3, 7).error().code(), Code::aborted);
}

}  // namespace
}  // namespace viridian::clickhouse
