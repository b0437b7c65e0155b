// Many threads, of which one runs at a time: every call of the store is a place where a server may
// be held up for any time, answers get lost, and what was asked for happens later.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "lease/lease_keeper.h"
#include "lease/simulated_store.h"

namespace viridian {
namespace {

using std::chrono::milliseconds;
using Time = LeaseKeeper::Time;

constexpr milliseconds kTtl{9000};

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
