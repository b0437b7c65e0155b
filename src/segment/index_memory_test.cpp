#include "segment/index_memory.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace viridian::segment {
namespace {

constexpr uint64_t kLimit = 1500;  // 1,000 of it for searching

class IndexMemoryTest : public testing::Test {
 protected:
  /// An index of which nothing is looked at.
  std::unique_ptr<IndexMemory::Entry> entry(uint64_t needed, uint64_t finer = 0) {
    return std::make_unique<IndexMemory::Entry>(
        IndexNeed{10, needed, finer},
        [this](bool with_finer) -> Result<IndexMemory::Entry::Opened> {
          last_had_finer_ = with_finer;
          if (fails_) return Error(Code::data_loss, "damaged");
          return std::make_unique<const OpenedIndex>();
        });
  }
  static std::unique_ptr<IndexMemory::Entry> codes(uint64_t needed) {
    return std::make_unique<IndexMemory::Entry>(
        IndexNeed{10, needed, 0},
        [](bool) -> Result<IndexMemory::Entry::Opened> { return std::make_unique<CodedRows>(); });
  }
  bool pin_spare(IndexMemory::Entry& entry, Context::Clock::duration unused) {
    IndexMemory::Pins pins;
    return memory_->pin_spare(Context(), entry, unused, pins);
  }
  Result<IndexMemory::Pins> pin(std::vector<IndexMemory::Entry*> entries,
                                const Context& context = Context()) {
    return memory_->pin(context, entries);
  }
  double used() { return metrics_.gauge("viridian_index_memory_bytes", "").value(); }
  uint64_t opened() { return metrics_.counter("viridian_index_opened_total", "").value(); }

  obs::Metrics metrics_;
  std::shared_ptr<IndexMemory> memory_ = std::make_shared<IndexMemory>(kLimit, &metrics_);
  std::atomic<bool> last_had_finer_ = false;
  std::atomic<bool> fails_ = false;
};

TEST_F(IndexMemoryTest, LeastRecentlyUsedAreClosedWhenOthersNeedTheRoom) {
  const auto first = entry(400), second = entry(400), third = entry(400);
  ASSERT_TRUE(pin({first.get()}).ok());
  ASSERT_TRUE(pin({second.get()}).ok());
  ASSERT_TRUE(pin({first.get()}).ok());
  EXPECT_EQ(opened(), 2u);
  ASSERT_TRUE(pin({third.get()}).ok());  // in place of the second
  EXPECT_EQ(used(), 800);
  ASSERT_TRUE(pin({first.get()}).ok());
  EXPECT_EQ(opened(), 3u);
  ASSERT_TRUE(pin({second.get()}).ok());
  EXPECT_EQ(opened(), 4u);
  EXPECT_EQ(used(), 800);
}

TEST_F(IndexMemoryTest, WhatGoesGivesItsMemoryBack) {
  auto first = entry(600);
  const auto second = entry(600);
  ASSERT_TRUE(pin({first.get()}).ok());
  first.reset();
  EXPECT_EQ(used(), 0);
  ASSERT_TRUE(pin({second.get()}).ok());
  EXPECT_EQ(used(), 600);
}

TEST_F(IndexMemoryTest, FinerRecordsAreKeptWhereTheyFitBesideAllThatIsNeeded) {
  const auto small = entry(100, 200), large = entry(300, 700), other = entry(200, 100);
  ASSERT_TRUE(pin({small.get()}).ok());
  EXPECT_TRUE(last_had_finer_);
  ASSERT_TRUE(pin({large.get()}).ok());
  EXPECT_FALSE(last_had_finer_);
  EXPECT_EQ(used(), 600);
  ASSERT_TRUE(pin({other.get()}).ok());
  EXPECT_TRUE(last_had_finer_);
  // One after the other they would fit with theirs, together they do not.
  const auto a = entry(300, 300), b = entry(500, 300);
  ASSERT_TRUE(pin({a.get(), b.get()}).ok());
  EXPECT_LE(used(), 1000);
}

TEST_F(IndexMemoryTest, FinerRecordsGoWhereTheirIndexIsAskedForTogetherWithOthers) {
  const auto c = entry(300, 600), d = entry(400);
  ASSERT_TRUE(pin({c.get()}).ok());
  EXPECT_EQ(used(), 900);
  ASSERT_TRUE(pin({c.get(), d.get()}, Context::with_timeout(std::chrono::seconds(30))).ok());
  EXPECT_EQ(used(), 700);
}

TEST_F(IndexMemoryTest, PinnedIndexesStayAndOthersWaitForThem) {
  const auto first = entry(600), second = entry(600);
  auto pins = pin({first.get()});
  ASSERT_TRUE(pins.ok());
  const auto late = pin({second.get()}, Context::with_timeout(std::chrono::milliseconds(30)));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  std::thread waiting([&] { EXPECT_TRUE(pin({second.get()}).ok()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  *pins = IndexMemory::Pins();
  waiting.join();
  EXPECT_EQ(used(), 600);
}

TEST_F(IndexMemoryTest, WhatDoesNotFitAloneIsRefusedWithWhatToDo) {
  const auto part = entry(700), rest = entry(301);
  const auto refused = pin({part.get(), rest.get()});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
  for (const char* said : {"need 1001 bytes", "for 20 vectors", "50 for each",
                           "vectors.memory_bytes is 1500", "1000 are for", "to 1501 or more"})
    EXPECT_NE(refused.error().message().find(said), std::string::npos)
        << said << " is not in: " << refused.error().message();
  EXPECT_EQ(used(), 0);
  EXPECT_TRUE(pin({part.get()}).ok());
  EXPECT_TRUE(memory_->check({20, 1000, 99999}).ok());
}

TEST_F(IndexMemoryTest, CodesTakeOnlyTheRoomOfWhatIsNotUsedAnyMore) {
  constexpr std::chrono::seconds kNone{0};
  constexpr std::chrono::hours kLong{1};
  const auto index = entry(600), other = entry(300);
  const auto first = codes(500), second = codes(500), large = codes(1001);
  ASSERT_TRUE(pin({index.get()}).ok());
  EXPECT_FALSE(pin_spare(*first, kLong));
  EXPECT_FALSE(pin_spare(*large, kNone));
  EXPECT_TRUE(index->is_open());
  EXPECT_TRUE(pin_spare(*first, kNone));
  EXPECT_FALSE(index->is_open());
  EXPECT_TRUE(pin_spare(*second, kLong));
  EXPECT_EQ(used(), 1000);
  EXPECT_TRUE(pin_spare(*first, kLong));
  ASSERT_TRUE(pin({index.get()}).ok());  // in place of both
  ASSERT_TRUE(pin({other.get()}).ok());
  EXPECT_EQ(used(), 900);
  const auto pins = pin({index.get()});
  EXPECT_FALSE(pin_spare(*first, kNone));
  EXPECT_TRUE(other->is_open());  // without it there would be too little room as well
}

TEST_F(IndexMemoryTest, CodesAreNotPinnedWhileOthersWaitForRoom) {
  const auto index = entry(600);
  const auto busy = codes(500);
  IndexMemory::Pins pins;
  ASSERT_TRUE(memory_->pin_spare(Context(), *busy, {}, pins));
  std::thread waiting([&] { EXPECT_TRUE(pin({index.get()}).ok()); });
  while (pin_spare(*busy, {})) std::this_thread::yield();
  EXPECT_EQ(used(), 500);
  pins = IndexMemory::Pins();
  waiting.join();
  EXPECT_EQ(used(), 600);
}

TEST_F(IndexMemoryTest, WhatCannotBeOpenedIsTriedAgainAndHoldsNothingUp) {
  const auto broken = entry(600), other = entry(600);
  fails_ = true;
  const auto pins = pin({broken.get()});
  ASSERT_FALSE(pins.ok());
  EXPECT_EQ(pins.error().code(), Code::data_loss);
  fails_ = false;
  EXPECT_TRUE(pin({broken.get()}).ok());
  fails_ = true;
  EXPECT_FALSE(pin({other.get()}).ok());
  fails_ = false;
  EXPECT_TRUE(pin({broken.get()}).ok());
  EXPECT_EQ(used(), 600);
}

TEST_F(IndexMemoryTest, WhoWaitsForAnOpeningDoesSoUntilTheDeadline) {
  std::atomic<bool> opening = false, may_end = false;
  IndexMemory::Entry slow({10, 600, 0}, [&](bool) -> Result<std::unique_ptr<const OpenedIndex>> {
    opening = true;
    while (!may_end) std::this_thread::yield();
    return std::make_unique<const OpenedIndex>();
  });
  std::thread opener([&] { EXPECT_TRUE(pin({&slow}).ok()); });
  while (!opening) std::this_thread::yield();
  std::thread patient([&] { EXPECT_TRUE(pin({&slow}).ok()); });
  const auto late = pin({&slow}, Context::with_timeout(std::chrono::milliseconds(5)));
  may_end = true;
  opener.join();
  patient.join();
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  EXPECT_TRUE(pin({&slow}).ok());
  EXPECT_EQ(opened(), 1u);
}

TEST_F(IndexMemoryTest, BuildsTakeTurnsWhereTheyDoNotFitTogether) {
  EXPECT_EQ(memory_->for_building(), 500u);
  auto first = memory_->reserve_build(Context(), 300);
  ASSERT_TRUE(first.ok());
  auto second = memory_->reserve_build(Context(), 200);
  ASSERT_TRUE(second.ok());
  const Context soon = Context::with_timeout(std::chrono::milliseconds(30));
  EXPECT_FALSE(memory_->reserve_build(soon, 100).ok());
  std::thread waiting([&] { EXPECT_TRUE(memory_->reserve_build(Context(), 400).ok()); });
  { const auto gone = std::move(first), too = std::move(second); }
  waiting.join();
}

// Any groups of indexes, asked for by many: never more memory than there is, and what is pinned is
// open. To be run with the thread sanitizer, too.
TEST_F(IndexMemoryTest, ConcurrentSearchesKeepToTheMemoryAndAllGetTheirTurn) {
  std::vector<std::unique_ptr<IndexMemory::Entry>> entries;
  for (uint64_t i = 0; i < 8; ++i) entries.push_back(entry(100 + 50 * i, 30 * i));
  const auto spare = codes(150);
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (int round = 0; round < 500; ++round) {
        std::vector<IndexMemory::Entry*> group;
        uint64_t needed = 0;
        for (const auto& each : entries) {
          if (random() % 4 != 0 || needed + each->need().needed > 1000) continue;
          group.push_back(each.get());
          needed += each->need().needed;
        }
        auto pins = pin(group);
        ASSERT_TRUE(pins.ok()) << pins.error().message();
        if (memory_->pin_spare(Context(), *spare, std::chrono::microseconds(random() % 100),
                               *pins)) {
          EXPECT_EQ(spare->codes().size(), 0u);
        }
        EXPECT_LE(used(), 1000);
        for (const IndexMemory::Entry* each : group) EXPECT_TRUE(each->index().offsets().empty());
        if (random() % 8 == 0) std::this_thread::yield();
      }
      ++done;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 6);
  EXPECT_GT(opened(), 8u);
}

}  // namespace
}  // namespace viridian::segment
