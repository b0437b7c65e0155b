#include "lease/clickhouse_leases.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "clickhouse/named_values.h"
#include "clickhouse/test_client.h"
#include "tests/conformance/clickhouse_server.h"

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

CollectionId in_slot(uint32_t slot) {
  CollectionId id;
  id.bytes.back() = static_cast<uint8_t>(slot);
  return id;
}

class ClickHouseLeases : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_CLICKHOUSE();
    client_ = TestClient::start(ClickHouseServer::shared()->settings());
  }
  void TearDown() override {
    if (client_) execute("DROP DATABASE " + client_->database());
  }
  void execute(const std::string& sql) {
    const Status done = client_->execute(Context(), {}, sql);
    EXPECT_TRUE(done.ok()) << done.error().message();
  }
  std::unique_ptr<LeaseStore> store() {
    auto made = Leases::make_store(*client_);
    const Status opened = made->open(Context());
    EXPECT_TRUE(opened.ok()) << opened.error().message();
    return made;
  }
  std::unique_ptr<Leases> make(const std::string& name, milliseconds ttl, bool rounds = true) {
    LeaseKeeper::Options options;
    options.id = LeaseKeeper::unique_server_id(name);
    options.url = "http://" + name;
    options.ttl = ttl;
    options.rounds_by_itself = rounds;
    auto leases = std::make_unique<Leases>(*client_, options);
    const Status started = leases->start(Context());
    EXPECT_TRUE(started.ok()) << started.error().message();
    return leases;
  }
  static std::set<uint32_t> usable(Leases& leases) {
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

  TestClient client_;
};

// Records outlive the leases in a backup of tables. An epoch that came before must not come again.
TEST_F(ClickHouseLeases, NewLeasesBeginBeyondTheEpochsOfTheLog) {
  execute("INSERT INTO " + client_->database() +
          ".record_log (collection_id, seq, epoch, ts) SELECT generateUUIDv4(), 1, 50, now()");
  const auto state = store()->read(Context());
  ASSERT_TRUE(state.ok()) << state.error().message();
  for (const auto& lease : state->leases) EXPECT_GT(lease.epoch, 50u);
}

TEST(EncodedName, AnyBytesComeBackAndOnlyLettersAndDigitsStay) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  const std::string name = encode_name(all);
  EXPECT_EQ(
      name.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"),
      std::string::npos);
  EXPECT_EQ(decode_name(name), all);
  EXPECT_EQ(encode_name("Node-1"), "Node_2d1");
  for (const char* wrong : {"_", "_2", "_2g", "_-1", "a b", "_2d_"})
    EXPECT_EQ(decode_name(wrong), std::nullopt) << wrong;
}

TEST(FittingId, KeepsItsEndAndWhatFitsOfItsBeginning) {
  EXPECT_EQ(Leases::fitting("short-01234567"), "short-01234567");
  std::string long_one;
  for (int i = 0; i < 100; ++i) long_one += "\xe4\xb8\xad";
  const std::string fitting = Leases::fitting(long_one + "-01234567");
  EXPECT_LE(encode_name(fitting).size(), NamedValues::kLongestText);
  EXPECT_GT(encode_name(fitting).size(), NamedValues::kLongestText - 20);
  EXPECT_TRUE(fitting.ends_with("-01234567"));
  EXPECT_EQ((fitting.size() - 9) % 3, 0u);  // whole letters
}

TEST_F(ClickHouseLeases, OfManyThatTakeALeaseOneGetsIt) {
  constexpr int kRacers = 4;
  constexpr uint64_t kRounds = 100;
  std::vector<std::unique_ptr<LeaseStore>> stores;
  for (int i = 0; i < kRacers; ++i) stores.push_back(store());
  for (uint64_t round = 0; round < kRounds; ++round) {
    const auto seen = stores[0]->read_lease(Context(), 9);
    ASSERT_TRUE(seen.ok()) << seen.error().message();
    ASSERT_EQ(seen->epoch, round);
    std::atomic<int> winners = 0;
    std::atomic<int> winner = -1;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < kRacers; ++i)
        threads.emplace_back([&, i] {
          const auto taken = stores[static_cast<size_t>(i)]->take(
              Context(), "server" + std::to_string(i), std::span(&*seen, 1));
          ASSERT_TRUE(taken.ok()) << taken.error().message();
          if (taken->empty()) return;
          ++winners;
          winner = i;
        });
    }
    ASSERT_EQ(winners, 1);
    EXPECT_EQ(stores[0]->read_lease(Context(), 9)->server, "server" + std::to_string(winner));
  }
}

// Each take that was reported is one that all others know of: epochs are never given twice.
TEST_F(ClickHouseLeases, DeathOfClickHouseAmidARaceGivesNoEpochTwice) {
  constexpr int kRacers = 4;
  constexpr uint64_t kTakes = 60;
  std::vector<std::unique_ptr<LeaseStore>> stores;
  for (int i = 0; i < kRacers; ++i) stores.push_back(store());
  std::mutex mutex;
  std::map<uint64_t, std::string> winners;  // by epoch
  std::atomic<uint64_t> highest = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kRacers; ++i)
      threads.emplace_back([&, i] {
        const std::string name = "server" + std::to_string(i);
        LeaseStore& mine = *stores[static_cast<size_t>(i)];
        while (highest < kTakes) {
          const auto seen = mine.read_lease(Context(), 3);
          if (!seen.ok()) continue;
          const auto taken = mine.take(Context(), name, std::span(&*seen, 1));
          if (!taken.ok() || taken->empty()) continue;
          const std::lock_guard lock(mutex);
          EXPECT_TRUE(winners.emplace(seen->epoch + 1, name).second) << seen->epoch + 1;
          highest = std::max(highest.load(), seen->epoch + 1);
        }
      });
    for (uint64_t kill = 1; kill <= 3; ++kill) {
      await([&] { return highest >= kill * kTakes / 4; });
      ClickHouseServer::shared()->kill();
      ClickHouseServer::shared()->start();
    }
  }
  const auto last = stores[0]->read_lease(Context(), 3);
  ASSERT_TRUE(last.ok()) << last.error().message();
  EXPECT_GE(last->epoch, kTakes);
  EXPECT_EQ(winners.at(last->epoch), last->server);
}

TEST_F(ClickHouseLeases, OddIdsAreKeptAndWhatIsLeftStaysLeft) {
  const auto leases = store();
  const std::string odd("a'\0\xff;\"_1", 8);
  ASSERT_TRUE(leases->beat(Context(), {odd, "http://'x\\", 7}).ok());
  const auto seen = leases->read(Context());
  ASSERT_TRUE(seen.ok()) << seen.error().message();
  ASSERT_EQ(seen->leases.size(), kSlots);
  ASSERT_EQ(seen->servers.size(), 1u);
  EXPECT_EQ(seen->servers[0].id, odd);
  EXPECT_EQ(seen->servers[0].url, "http://'x\\");
  EXPECT_EQ(seen->servers[0].beat, 7u);
  // One of them is another's by now: the rest is taken all the same.
  auto wanted = std::vector(seen->leases.begin() + 3, seen->leases.begin() + 6);
  ASSERT_EQ(leases->take(Context(), "other", std::span(&wanted[1], 1))->size(), 1u);
  const auto taken = leases->take(Context(), odd, wanted);
  ASSERT_TRUE(taken.ok()) << taken.error().message();
  EXPECT_EQ(*taken, (std::vector<uint32_t>{3, 5}));
  EXPECT_EQ(*store()->read_lease(Context(), 4), (LeaseStore::Lease{4, 1, "other"}));
  const LeaseStore::Lease held{5, 1, odd};
  EXPECT_EQ(*leases->read_lease(Context(), 5), held);
  ASSERT_TRUE(leases->release(Context(), std::span(&held, 1)).ok());
  ASSERT_TRUE(leases->release(Context(), std::span(&held, 1)).ok());
  EXPECT_EQ(*leases->read_lease(Context(), 5), (LeaseStore::Lease{5, 1, ""}));
  ASSERT_TRUE(leases->leave(Context(), odd).ok());
  ASSERT_TRUE(leases->beat(Context(), {odd, "", 8}).ok());  // was under way
  EXPECT_TRUE(leases->read(Context())->servers.empty());
}

TEST_F(ClickHouseLeases, OldSignsOfLifeAreRemoved) {
  const auto leases = store();
  execute("INSERT INTO " + client_->database() +
          ".servers SELECT 'gone', toUInt64(1), '', now() - 86400 * 9");
  EXPECT_EQ(leases->read(Context())->servers.size(), 1u);
  for (uint64_t beat = 1; beat <= 501; ++beat)
    ASSERT_TRUE(leases->beat(Context(), {"here", "u", beat}).ok());
  const auto state = leases->read(Context());
  ASSERT_EQ(state->servers.size(), 1u);
  EXPECT_EQ(state->servers[0].beat, 501u);
  const auto rows = [&] {
    return client_
        ->select(Context(), {},
                 "SELECT toUInt64(count()) AS n FROM " + client_->database() + ".servers",
                 {{"n", std::vector<uint64_t>()}})
        ->get<std::vector<uint64_t>>(0)[0];
  };
  await([&] { return rows() == 1; });
}

TEST_F(ClickHouseLeases, NamesThatACrashLeftDoNotGiveALeaseToTwo) {
  const auto one = store();
  LeaseStore::Lease seen{7, 0, ""};
  ASSERT_EQ(one->take(Context(), "a", std::span(&seen, 1))->size(), 1u);
  execute("CREATE TABLE " + client_->database() + ".lease_7_0_ (nothing UInt8) ENGINE = Memory");
  // It would succeed now, were it not looked at once more.
  EXPECT_TRUE(one->take(Context(), "b", std::span(&seen, 1))->empty());
  EXPECT_EQ(*one->read_lease(Context(), 7), (LeaseStore::Lease{7, 1, "a"}));
}

TEST_F(ClickHouseLeases, SlotsAreSharedOutHandedOverAndTakenOver) {
  const milliseconds ttl(1500);
  const auto one = make("one", ttl);
  EXPECT_EQ(usable(*one).size(), kSlots);
  auto two = make("two", ttl);
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

// A server that is stopped for a while finds out by the log's question, or by its own clock.
TEST_F(ClickHouseLeases, SlotsOfAServerThatBeatsNoMoreAreTakenOverAndNeverCertainInTwo) {
  const milliseconds ttl(1500);
  const auto frozen = make("frozen", ttl, /*rounds=*/false);
  ASSERT_EQ(usable(*frozen).size(), kSlots);
  const uint64_t epoch = *frozen->epoch(Context(), in_slot(0));
  ASSERT_TRUE(frozen->certain(in_slot(0), epoch));
  std::atomic<bool> over = false;
  std::atomic<int> both = 0;
  const auto heir = make("heir", ttl);
  std::jthread watcher([&] {
    while (!over)
      for (uint32_t slot = 0; slot < kSlots; ++slot) {
        // In this order: who was certain when asked first may have been taken from since.
        const auto later = heir->epoch(Context(), in_slot(slot));
        const bool heirs = later.ok() && heir->certain(in_slot(slot), *later);
        if (heirs && frozen->certain(in_slot(slot), epoch)) ++both;
      }
  });
  await([&] { return usable(*heir).size() == kSlots; });
  EXPECT_FALSE(frozen->certain(in_slot(0), epoch));
  EXPECT_EQ(frozen->confirm(Context(), in_slot(0), epoch).error().code(), Code::aborted);
  over = true;
  watcher.join();
  EXPECT_EQ(both, 0);
  // It goes on, and is given its share again.
  await([&] { return frozen->round(Context()).ok() && !usable(*frozen).empty(); });
  for (const uint32_t slot : usable(*frozen)) EXPECT_EQ(usable(*heir).count(slot), 0u) << slot;
}

}  // namespace
}  // namespace viridian::clickhouse
