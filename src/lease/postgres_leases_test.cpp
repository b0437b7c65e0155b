#include "lease/postgres_leases.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tests/conformance/postgres_server.h"

namespace viridian {
namespace {

using std::chrono::milliseconds;

CollectionId in_slot(uint32_t slot) {
  CollectionId id;
  id.bytes.back() = static_cast<uint8_t>(slot);
  return id;
}

class PostgresLeases : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_POSTGRES();
    pool_ = PostgresServer::pool(PostgresServer::shared()->new_database());
  }
  std::unique_ptr<postgres::Leases> make(const std::string& name, milliseconds ttl) {
    LeaseKeeper::Options options;
    options.id = LeaseKeeper::unique_server_id(name);
    options.url = "http://" + name;
    options.ttl = ttl;
    auto leases = std::make_unique<postgres::Leases>(*pool_, options);
    const Status started = leases->start(Context());
    EXPECT_TRUE(started.ok()) << started.error().message();
    return leases;
  }
  static std::set<uint32_t> usable(postgres::Leases& leases) {
    std::set<uint32_t> slots;
    for (uint32_t slot = 0; slot < kSlots; ++slot)
      if (leases.epoch(Context(), in_slot(slot)).ok()) slots.insert(slot);
    return slots;
  }
  /// Waits until it is so; the test's own time limit ends it otherwise.
  template <class Condition>
  static void await(const Condition& condition) {
    while (!condition()) std::this_thread::yield();
  }

  std::unique_ptr<postgres::Pool> pool_;
};

TEST_F(PostgresLeases, SlotsAreSharedOutHandedOverAndTakenOver) {
  const auto one = make("one", milliseconds(500));
  EXPECT_EQ(usable(*one).size(), kSlots);
  auto two = make("two", milliseconds(500));
  await(
      [&] { return usable(*one).size() + usable(*two).size() == kSlots && !usable(*two).empty(); });
  const uint32_t slot = *usable(*two).begin();
  await([&] { return one->holder(Context(), in_slot(slot)).ok(); });
  const auto holder = one->holder(Context(), in_slot(slot));
  EXPECT_EQ(holder->server, two->id());
  EXPECT_EQ(holder->url, "http://two");
  const uint64_t epoch = *two->epoch(Context(), in_slot(slot));
  EXPECT_TRUE(two->confirm(Context(), in_slot(slot), epoch).ok());
  EXPECT_EQ(one->epoch(Context(), in_slot(slot)).error().code(), Code::aborted);
  two->stop();
  await([&] { return usable(*one).size() == kSlots; });
  EXPECT_EQ(*one->epoch(Context(), in_slot(slot)), epoch + 1);
}

TEST_F(PostgresLeases, OfManyThatTakeALeaseOneGetsIt) {
  constexpr int kRacers = 4;
  constexpr uint64_t kRounds = 50;
  std::vector<std::unique_ptr<LeaseStore>> stores;
  for (int i = 0; i < kRacers; ++i) {
    stores.push_back(postgres::Leases::make_store(*pool_));
    ASSERT_TRUE(stores.back()->open(Context()).ok());
  }
  for (uint64_t round = 0; round < kRounds; ++round) {
    const auto seen = stores[0]->read_lease(Context(), 9);
    ASSERT_TRUE(seen.ok());
    ASSERT_EQ(seen->epoch, round);
    std::atomic<int> winners = 0;
    std::atomic<int> winner = -1;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < kRacers; ++i)
        threads.emplace_back([&, i] {
          const auto taken = stores[static_cast<size_t>(i)]->take(
              Context(), "server" + std::to_string(i), std::span(&*seen, 1));
          if (!taken.ok() || taken->empty()) return;
          ++winners;
          winner = i;
        });
    }
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(stores[0]->read_lease(Context(), 9)->server, "server" + std::to_string(winner));
  }
}

TEST_F(PostgresLeases, LeasesOutliveTheServersDeathAndOddIdsAreKept) {
  const auto store = postgres::Leases::make_store(*pool_);
  ASSERT_TRUE(store->open(Context()).ok());
  const std::string odd("a'\0\xff;\"", 6);
  ASSERT_TRUE(store->beat(Context(), {odd, "http://x", 7}).ok());
  const auto seen = store->read(Context());
  ASSERT_TRUE(seen.ok());
  ASSERT_EQ(seen->leases.size(), kSlots);
  const auto taken = store->take(Context(), odd, std::span(seen->leases).subspan(3, 2));
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(std::set(taken->begin(), taken->end()), (std::set<uint32_t>{3, 4}));
  PostgresServer::shared()->kill();
  EXPECT_FALSE(store->beat(Context::with_timeout(milliseconds(200)), {odd, "", 8}).ok());
  PostgresServer::shared()->start();
  const auto lease = store->read_lease(Context(), 4);
  ASSERT_TRUE(lease.ok()) << lease.error().message();
  EXPECT_EQ(*lease, (LeaseStore::Lease{4, 1, odd}));
  ASSERT_TRUE(store->forget(Context(), {odd, "", 6}).ok());
  EXPECT_EQ(store->read(Context())->servers.size(), 1u);
  ASSERT_TRUE(store->release(Context(), std::span(&*lease, 1)).ok());
  EXPECT_EQ(*store->read_lease(Context(), 4), (LeaseStore::Lease{4, 1, ""}));
  ASSERT_TRUE(store->leave(Context(), odd).ok());
  EXPECT_TRUE(store->read(Context())->servers.empty());
}

}  // namespace
}  // namespace viridian
