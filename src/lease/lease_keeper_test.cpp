#include "lease/lease_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "lease/simulated_store.h"

namespace viridian {
namespace {

using std::chrono::milliseconds;
using Time = LeaseKeeper::Time;

constexpr milliseconds kTtl{9000};

/// Knows how long the last take was allowed to take.
class TimedStore final : public SimulatedStore {
 public:
  using SimulatedStore::SimulatedStore;
  Result<std::vector<uint32_t>> take(const Context& context, const std::string& server,
                                     std::span<const Lease> seen) override {
    if (context.deadline()) time = *context.deadline() - Context::Clock::now();
    return SimulatedStore::take(context, server, seen);
  }
  std::optional<Context::Clock::duration> time;
};

class Keepers : public testing::Test {
 protected:
  LeaseKeeper& add(const std::string& id) {
    LeaseKeeper::Options options;
    options.id = id;
    options.url = "http://" + id;
    options.ttl = kTtl;
    options.now = [this] { return now_; };
    options.rounds_by_itself = false;
    auto store = std::make_unique<TimedStore>([this](auto work) -> Status {
      if (broken_) return Error(Code::unavailable, "the store is away");
      work(leases_);
      if (lost_answers_ == 0) return ok_status();
      --lost_answers_;
      return Error(Code::unavailable, "the answer is lost");
    });
    stores_[id] = store.get();
    keepers_[id] = std::make_unique<LeaseKeeper>(std::move(store), options);
    EXPECT_TRUE(keepers_[id]->start(Context()).ok());
    return *keepers_[id];
  }
  /// All do their rounds for as long.
  void pass(Time time) {
    for (const Time end = now_ + time; now_ < end;) {
      now_ += kTtl / 10;
      for (auto& [id, keeper] : keepers_) (void)keeper->round(Context());
    }
  }
  void die(const std::string& id) { dead_[id] = std::move(keepers_.extract(id).mapped()); }
  static std::set<uint32_t> usable(LeaseKeeper& keeper) {
    std::set<uint32_t> slots;
    for (uint32_t slot = 0; slot < kSlots; ++slot)
      if (keeper.epoch(Context(), in_slot(slot)).ok()) slots.insert(slot);
    return slots;
  }
  static bool certain(LeaseKeeper& keeper, uint32_t slot) {
    const auto epoch = keeper.epoch(Context(), in_slot(slot));
    return epoch.ok() && keeper.certain(in_slot(slot), *epoch);
  }
  /// Every slot can be used on exactly one of the living, who is certain of it.
  void expect_shared_out() {
    std::set<uint32_t> all;
    for (auto& [id, keeper] : keepers_) {
      for (const uint32_t slot : usable(*keeper)) {
        EXPECT_TRUE(all.insert(slot).second) << slot;
        EXPECT_TRUE(certain(*keeper, slot)) << slot;
        for (auto& [other, asked] : keepers_) {
          const auto holder = asked->holder(Context(), in_slot(slot));
          EXPECT_EQ(holder.ok() ? holder->server : holder.error().message(), id);
        }
      }
    }
    EXPECT_EQ(all.size(), kSlots);
  }

  MemoryLeases leases_;
  Time now_{std::chrono::hours(5)};
  bool broken_ = false;
  int lost_answers_ = 0;
  std::map<std::string, TimedStore*> stores_;
  std::map<std::string, std::unique_ptr<LeaseKeeper>> keepers_;
  std::map<std::string, std::unique_ptr<LeaseKeeper>> dead_;
};

TEST_F(Keepers, TheFirstHasEverythingAtOnce) {
  LeaseKeeper& one = add("one");
  EXPECT_EQ(usable(one).size(), kSlots);
  expect_shared_out();
  EXPECT_EQ(*one.epoch(Context(), in_slot(7)), 1u);
  ASSERT_EQ(one.servers().size(), 1u);
  EXPECT_EQ(one.servers()[0].slots, kSlots);
  EXPECT_TRUE(one.servers()[0].self);
}

TEST_F(Keepers, JoiningServersGetTheirShareWithoutWaitingForTheTimeToLive) {
  add("one");
  add("two");
  add("three");
  pass(kTtl * 7 / 10);
  expect_shared_out();
  for (auto& [id, keeper] : keepers_) {
    EXPECT_GE(usable(*keeper).size(), 10u) << id;
    EXPECT_EQ(keeper->servers().size(), 3u);
  }
}

TEST_F(Keepers, WhatWasBegunBeforeASlotIsHandedOverCanBeConfirmed) {
  LeaseKeeper& one = add("one");
  LeaseKeeper& two = add("two");
  std::set<uint32_t> leaving;
  while (leaving.empty() && now_ < std::chrono::hours(6)) {
    pass(kTtl / 10);
    const std::set<uint32_t> usable_now = usable(one);
    for (uint32_t slot = 0; slot < kSlots; ++slot)
      if (!usable_now.contains(slot)) leaving.insert(slot);
  }
  ASSERT_FALSE(leaving.empty());
  const CollectionId under_way = in_slot(*leaving.begin());
  EXPECT_FALSE(one.holder(Context(), under_way).ok());
  EXPECT_FALSE(one.certain(under_way, 1));
  EXPECT_TRUE(one.confirm(Context(), under_way, 1).ok());
  EXPECT_FALSE(two.epoch(Context(), under_way).ok());
  one.begin_write(under_way);
  pass(kTtl);
  EXPECT_TRUE(one.confirm(Context(), under_way, 1).ok()) << "however long the write takes";
  EXPECT_FALSE(two.epoch(Context(), under_way).ok());
  one.end_write(under_way);
  pass(kTtl * 3 / 10);
  const Status over = one.confirm(Context(), under_way, 1);
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code(), Code::aborted);
  EXPECT_TRUE(two.epoch(Context(), under_way).ok());
}

TEST_F(Keepers, SilenceIsCountedFromTheLastBeatThatWasStored) {
  LeaseKeeper& one = add("one");
  EXPECT_EQ(one.servers()[0].heard_ago, milliseconds(0));
  broken_ = true;
  pass(2 * kTtl);
  EXPECT_GE(one.servers()[0].heard_ago, 2 * kTtl);
  broken_ = false;
  pass(kTtl);
  EXPECT_LT(one.servers()[0].heard_ago, kTtl);
}

TEST_F(Keepers, LeavingServerIsReplacedWithoutWaitingForTheTimeToLive) {
  add("one");
  add("two");
  pass(kTtl);
  keepers_["one"]->stop();
  EXPECT_EQ(usable(*keepers_["one"]).size(), 0u);
  EXPECT_EQ(keepers_["one"]->round(Context()).error().code(), Code::unavailable);
  die("one");
  pass(kTtl / 5);
  expect_shared_out();
  EXPECT_EQ(keepers_["two"]->servers().size(), 1u);
}

TEST_F(Keepers, DeadServerIsReplacedAfterTheTimeToLiveAndNotBefore) {
  add("one");
  add("two");
  pass(kTtl);
  const std::set<uint32_t> of_dead = usable(*keepers_["one"]);
  ASSERT_FALSE(of_dead.empty());
  die("one");
  pass(kTtl * 6 / 10);
  for (const uint32_t slot : of_dead) {
    EXPECT_FALSE(usable(*keepers_["two"]).contains(slot));
    EXPECT_EQ(keepers_["two"]->holder(Context(), in_slot(slot))->server, "one");
  }
  pass(kTtl * 7 / 10);
  expect_shared_out();
  for (const uint32_t slot : of_dead) EXPECT_FALSE(certain(*dead_["one"], slot));
  pass(kTtl * 10);
  EXPECT_EQ(leases_.read().servers.size(), 1u) << "long dead servers are removed";
}

TEST_F(Keepers, CertaintyEndsWhereTheStoreDoesNotAnswer) {
  LeaseKeeper& one = add("one");
  broken_ = true;
  pass(kTtl / 2);
  EXPECT_TRUE(certain(one, 3));
  pass(kTtl / 4);
  EXPECT_FALSE(certain(one, 3));
  EXPECT_TRUE(one.epoch(Context(), in_slot(3)).ok()) << "nobody is known to have it";
  EXPECT_EQ(one.confirm(Context(), in_slot(3), 1).error().code(), Code::unavailable);
  broken_ = false;
  pass(kTtl / 10);
  EXPECT_TRUE(certain(one, 3));
  EXPECT_TRUE(one.confirm(Context(), in_slot(3), 1).ok());
}

TEST_F(Keepers, SeizedSlotCanBeUsedOnceItsHolderIsCertainNoMore) {
  LeaseKeeper& one = add("one");
  LeaseKeeper& two = add("two");
  pass(kTtl);
  const uint32_t slot = *usable(one).begin();
  const uint64_t before = *one.epoch(Context(), in_slot(slot));
  ASSERT_TRUE(two.seize(Context(), slot).ok());
  EXPECT_TRUE(certain(one, slot)) << "it has not looked yet";
  EXPECT_EQ(two.epoch(Context(), in_slot(slot)).error().code(), Code::aborted);
  EXPECT_EQ(one.confirm(Context(), in_slot(slot), before).error().code(), Code::aborted);
  EXPECT_FALSE(certain(one, slot)) << "it has been told";
  pass(kTtl * 11 / 10);
  expect_shared_out();
  EXPECT_EQ(*two.epoch(Context(), in_slot(slot)), before + 1);
  pass(kTtl * 3);
  EXPECT_TRUE(usable(two).contains(slot)) << "it is not handed back";
  EXPECT_EQ(two.seize(Context(), kSlots).error().code(), Code::invalid_argument);
}

TEST_F(Keepers, SlotThatIsSeizedWhileItIsBeingHandedOverStays) {
  LeaseKeeper& one = add("one");
  // With a write under way no slot is given up, only marked.
  for (uint32_t slot = 0; slot < kSlots; ++slot) one.begin_write(in_slot(slot));
  add("two");
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    ASSERT_TRUE(one.seize(Context(), slot).ok());
    EXPECT_TRUE(one.epoch(Context(), in_slot(slot)).ok()) << slot;
    one.end_write(in_slot(slot));
  }
  pass(kTtl);
  EXPECT_EQ(usable(one).size(), kSlots);
}

TEST_F(Keepers, RenewedSlotGoesOnUnderALaterEpochAtOnce) {
  LeaseKeeper& one = add("one");
  ASSERT_TRUE(one.renew(Context(), in_slot(3), 1).ok());
  EXPECT_EQ(*one.epoch(Context(), in_slot(3)), 2u);
  EXPECT_TRUE(certain(one, 3));
  EXPECT_EQ(one.confirm(Context(), in_slot(3), 1).error().code(), Code::aborted);
  EXPECT_TRUE(one.confirm(Context(), in_slot(3), 2).ok());
  EXPECT_EQ(one.renew(Context(), in_slot(3), 1).error().code(), Code::aborted);
  EXPECT_EQ(*one.epoch(Context(), in_slot(4)), 1u);
  pass(kTtl);
  EXPECT_EQ(*one.epoch(Context(), in_slot(3)), 2u);
  LeaseKeeper& two = add("two");
  ASSERT_TRUE(two.seize(Context(), 3).ok());
  EXPECT_EQ(one.renew(Context(), in_slot(3), 2).error().code(), Code::aborted) << "it is gone";
  EXPECT_FALSE(one.epoch(Context(), in_slot(3)).ok());
}

TEST_F(Keepers, RenewalWhoseAnswerIsLostIsFoundOut) {
  LeaseKeeper& one = add("one");
  lost_answers_ = 1;
  EXPECT_TRUE(one.renew(Context(), in_slot(3), 1).ok());
  EXPECT_EQ(*one.epoch(Context(), in_slot(3)), 2u);
  lost_answers_ = 2;  // nor is it heard what came of it
  EXPECT_EQ(one.renew(Context(), in_slot(3), 2).error().code(), Code::unavailable);
  EXPECT_EQ(one.confirm(Context(), in_slot(3), 2).error().code(), Code::aborted);
  pass(kTtl / 10);
  EXPECT_EQ(*one.epoch(Context(), in_slot(3)), 3u) << "nobody else had it meanwhile";
  EXPECT_TRUE(certain(one, 3));
  EXPECT_TRUE(one.confirm(Context(), in_slot(3), 3).ok());
  broken_ = true;
  EXPECT_EQ(one.renew(Context(), in_slot(3), 3).error().code(), Code::unavailable);
  broken_ = false;
  EXPECT_TRUE(one.confirm(Context(), in_slot(3), 3).ok());
}

// Whoever asks for it may have more time than there is between two signs of life.
TEST_F(Keepers, RenewalDoesNotHoldRoundsUp) {
  LeaseKeeper& one = add("one");
  ASSERT_TRUE(one.renew(Context::with_timeout(std::chrono::minutes(1)), in_slot(3), 1).ok());
  ASSERT_TRUE(stores_["one"]->time);
  EXPECT_LE(*stores_["one"]->time, kTtl / 3);
}

TEST_F(Keepers, FrozenServerThatComesBackKnowsThatItLostItsSlots) {
  LeaseKeeper& one = add("one");
  add("two");
  pass(kTtl);
  const uint32_t slot = *usable(one).begin();
  die("one");
  pass(kTtl * 2);
  LeaseKeeper& back = *dead_["one"];
  EXPECT_TRUE(back.epoch(Context(), in_slot(slot)).ok()) << "it has slept";
  EXPECT_FALSE(certain(back, slot));
  ASSERT_TRUE(back.round(Context()).ok());
  EXPECT_FALSE(certain(back, slot));
  keepers_["one"] = std::move(dead_["one"]);
  pass(kTtl);
  expect_shared_out();
}

TEST(ServerId, IsNewEachTime) {
  EXPECT_NE(LeaseKeeper::unique_server_id("a"), LeaseKeeper::unique_server_id("a"));
  EXPECT_THAT(LeaseKeeper::unique_server_id("a"), testing::StartsWith("a-"));
  EXPECT_EQ(LeaseKeeper::unique_server_id("").size(), 36u);
}

}  // namespace
}  // namespace viridian
