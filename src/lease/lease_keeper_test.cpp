#include "lease/lease_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>

#include "lease/simulated_store.h"

namespace viridian {
namespace {

using std::chrono::milliseconds;
using Time = LeaseKeeper::Time;

constexpr milliseconds kTtl{9000};

CollectionId in_slot(uint32_t slot) {
  CollectionId id;
  id.bytes.back() = static_cast<uint8_t>(slot);
  return id;
}

// ---- One thread, one clock

class Keepers : public testing::Test {
 protected:
  LeaseKeeper& add(const std::string& id) {
    LeaseKeeper::Options options;
    options.id = id;
    options.url = "http://" + id;
    options.ttl = kTtl;
    options.now = [this] { return now_; };
    options.rounds_by_itself = false;
    auto store = std::make_unique<SimulatedStore>([this](auto work) -> Status {
      if (broken_) return Error(Code::unavailable, "the store is away");
      work(leases_);
      return ok_status();
    });
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

// ---- Many threads, of which one runs at a time: every call of the store is a place where a server
// may be held up for any time, answers get lost, and what was asked for happens later.

class Simulation {
 public:
  explicit Simulation(uint32_t seed) : random_(seed) {}
  ~Simulation() {
    ending_ = true;
    for (size_t i = 0; i < servers_.size(); ++i)
      while (!servers_[i]->done) resume(i);
  }

  void step() {
    const uint32_t what = number(100);
    if (what < 25) now_ += std::chrono::nanoseconds(kTtl) * number(100) / 1500;
    if (what < 80) resume_one();
    if (what >= 80 && what < 86 && !late_.empty()) do_late();
    if (what >= 86 && what < 89 && living() < 4) add();
    if (what == 90) any().paused = true;
    if (what == 91 || what == 92) any().paused = false;
    if (what == 93 && number(4) == 0) any().killed = true;
    if (what == 94 && number(4) == 0) any().stopping = true;
    if (what == 95 && number(4) == 0) any().seizes = number(kSlots);
    if (what == 96) any().renews = number(kSlots);
    check();
  }
  uint64_t changes_of_hands() const {
    uint64_t sum = 0;
    for (const auto& lease : leases_.read().leases) sum += lease.epoch;
    return sum;
  }

 private:
  struct Server {
    std::unique_ptr<LeaseKeeper> keeper;
    double rate = 1;  // of its clock
    bool paused = false;
    bool killed = false;
    bool stopping = false;
    std::optional<uint32_t> seizes;
    std::optional<uint32_t> renews;
    std::optional<LeaseStore::Lease> seized;  // the last one
    Time seized_at{0};                        // by its clock
    bool done = false;                        // its thread has ended
    std::jthread thread;
  };

  uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  size_t living() const {
    size_t count = 0;
    for (const auto& server : servers_) count += server->done || server->killed ? 0 : 1;
    return count;
  }
  Server& any() {
    if (servers_.empty()) add();
    return *servers_[number(static_cast<uint32_t>(servers_.size()))];
  }

  void add() {
    const size_t i = servers_.size();
    servers_.push_back(std::make_unique<Server>());
    Server& server = *servers_.back();
    server.rate = 0.85 + 0.01 * number(30);
    LeaseKeeper::Options options;
    options.id = "server" + std::to_string(i);
    options.ttl = kTtl;
    options.rounds_by_itself = false;
    options.now = [this, &server] { return own_time(server); };
    server.keeper = std::make_unique<LeaseKeeper>(
        std::make_unique<SimulatedStore>([this, i](auto work) { return call(i, work); }), options);
    server.thread = std::jthread([this, i, &server] { run(i, server); });
  }

  // ---- In a server's thread

  void run(size_t i, Server& server) {
    wait_for_turn(i, /*first=*/true);
    (void)server.keeper->start(Context());
    while (!ending_ && !server.stopping) {
      wait_for_turn(i);
      if (server.renews) renew(server, *server.renews);
      server.renews.reset();
      if (server.seizes) seize(i, server, *server.seizes);
      server.seizes.reset();
      if (server.keeper->round(Context()).ok()) check_seized(i, server);
    }
    server.keeper->stop();
    const std::lock_guard lock(mutex_);
    server.done = true;
    turn_ = kMain;
    turned_.notify_all();
  }
  static void renew(Server& server, uint32_t slot) {
    const auto epoch = server.keeper->epoch(Context(), in_slot(slot));
    if (!epoch.ok() || !server.keeper->renew(Context(), in_slot(slot), *epoch).ok()) return;
    EXPECT_NE(server.keeper->epoch(Context(), in_slot(slot)).value_or(0), *epoch);
  }
  void seize(size_t i, Server& server, uint32_t slot) {
    server.seized.reset();
    if (!server.keeper->seize(Context(), slot).ok()) return;
    const LeaseStore::Lease lease = leases_.read().leases.at(slot);
    if (lease.server == "server" + std::to_string(i)) server.seized = lease;
    server.seized_at = own_time(server);
  }
  /// What was seized and is still its own can be used, at the latest once whoever had it is certain
  /// no more.
  void check_seized(size_t i, Server& server) {
    if (!server.seized || own_time(server) - server.seized_at <= kTtl) return;
    if (leases_.read().leases.at(server.seized->slot) != *server.seized) return;
    EXPECT_TRUE(server.keeper->epoch(Context(), in_slot(server.seized->slot)).ok())
        << "server" << i << ", slot " << server.seized->slot;
  }
  Time own_time(const Server& server) const {
    return Time(static_cast<int64_t>(static_cast<double>(now_.count()) * server.rate));
  }
  Status call(size_t i, const std::function<void(MemoryLeases&)>& work) {
    wait_for_turn(i);
    const Error lost(Code::unavailable, "the answer is lost");
    const uint32_t fate = ending_ ? 0 : number(40);
    if (fate == 1) return lost;
    if (fate == 2) {
      late_.push_back(work);
      return lost;
    }
    work(leases_);
    wait_for_turn(i);
    if (fate == 3) return lost;
    return ok_status();
  }
  void wait_for_turn(size_t i, bool first = false) {
    std::unique_lock lock(mutex_);
    if (!first) {
      turn_ = kMain;
      turned_.notify_all();
    }
    turned_.wait(lock, [&] { return turn_ == static_cast<int>(i); });
  }

  // ---- In the test's thread

  void resume(size_t i) {
    std::unique_lock lock(mutex_);
    turn_ = static_cast<int>(i);
    turned_.notify_all();
    turned_.wait(lock, [&] { return turn_ == kMain; });
  }
  void resume_one() {
    if (servers_.empty()) add();
    const size_t i = number(static_cast<uint32_t>(servers_.size()));
    const Server& server = *servers_[i];
    if (!server.done && !server.paused && !server.killed) resume(i);
  }
  void do_late() {
    const size_t which = number(static_cast<uint32_t>(late_.size()));
    late_[which](leases_);
    late_.erase(late_.begin() + static_cast<ptrdiff_t>(which));
  }
  /// Where one is certain nobody has gone on under a later epoch, paused or not. Some slots are
  /// looked at each time: what is wrong stays so for a while.
  void check() {
    for (uint32_t slot = number(8); slot < kSlots; slot += 8) {
      std::optional<uint64_t> certain;
      uint64_t latest = 0;
      for (const auto& server : servers_) {
        if (server->done || server->killed) continue;
        const auto epoch = server->keeper->epoch(Context(), in_slot(slot));
        if (!epoch.ok()) continue;
        latest = std::max(latest, *epoch);
        if (!server->keeper->certain(in_slot(slot), *epoch)) continue;
        EXPECT_FALSE(certain) << "two are certain of slot " << slot;
        certain = *epoch;
      }
      EXPECT_EQ(latest, certain.value_or(latest)) << "slot " << slot;
    }
  }

  static constexpr int kMain = -1;
  std::mt19937 random_;
  MemoryLeases leases_;
  std::atomic<bool> ending_ = false;
  Time now_{std::chrono::hours(100)};
  std::vector<std::function<void(MemoryLeases&)>> late_;
  std::mutex mutex_;
  std::condition_variable turned_;
  int turn_ = kMain;  // guarded by mutex_
  std::vector<std::unique_ptr<Server>> servers_;
};

TEST(LeaseSimulation, NobodyGoesOnWhileAnotherIsCertain) {
  uint64_t changes = 0;
  for (uint32_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE(seed);
    Simulation simulation(seed);
    for (int i = 0; i < 2500 && !testing::Test::HasFailure(); ++i) simulation.step();
    changes += simulation.changes_of_hands();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(changes, 24u * 200) << "too little happened for the test to say anything";
}

}  // namespace
}  // namespace viridian
