// Several ClickHouse servers for one shard. They do not replicate here: each is to the others what
// a replica is that has not got something yet.
#include "log/clickhouse_replicas.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "conformance/clickhouse_client.h"
#include "conformance/clickhouse_server.h"
#include "conformance/mem_history.h"
#include "conformance/single_leases.h"
#include "log/clickhouse_log.h"

namespace viridian::clickhouse {
namespace {

using conformance::ClickHouseClient;
using conformance::MemHistory;
using conformance::SingleLeases;
using std::chrono::milliseconds;

SharedBatch batch_of(size_t rows) {
  RecordBatch batch;
  for (size_t i = 0; i < rows; ++i) batch.ids.push_back("id" + std::to_string(i));
  return std::make_shared<const RecordBatch>(std::move(batch));
}

class ReplicasTest : public testing::Test {
 protected:
  struct Process {
    Process(const Settings& settings, History& history, uint32_t copies) : client(settings) {
      Log::Options options;
      options.writer.copies = copies;
      log = std::make_unique<Log>(Log::Parts{client.client(), history, leases, client.metrics()},
                                  options);
    }
    ClickHouseClient client;
    SingleLeases leases;
    std::unique_ptr<Log> log;
  };

  void SetUp() override { SKIP_WITHOUT_CLICKHOUSE(); }
  std::unique_ptr<Process> process(const std::string& urls, uint32_t copies = 1) {
    return std::make_unique<Process>(settings(urls), history_, copies);
  }
  Settings settings(const std::string& urls) const {
    Settings settings = ClickHouseServer::shared()->settings(database_);
    settings.set("clickhouse.url", urls);
    settings.set("clickhouse.timeout_ms", "2000");
    return settings;
  }
  static std::string one() { return ClickHouseServer::shared()->url(); }
  static std::string other() { return ClickHouseServer::second()->url(); }
  static std::string nobody() { return ClickHouseServer::url_of_nobody(); }

  const std::string database_ = ClickHouseServer::new_database();
  MemHistory history_;
  const CollectionId id_ = Uuid::random();
};

TEST_F(ReplicasTest, WithOneReplicaAwayWritesAndReadsGoOn) {
  const auto owner = process(nobody() + "," + one());
  EXPECT_EQ(owner->log->append(Context(), id_, batch_of(3)).value_or(0), 3u);
  EXPECT_EQ(owner->log->read(Context(), id_, 0, 1 << 20)->back().last_seq(), 3u);
  const auto findings = owner->log->health(Context::with_timeout(std::chrono::seconds(30)));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_TRUE(findings.front().serving);
}

TEST_F(ReplicasTest, ReplicaThatLacksRecordsIsPassedOver) {
  const auto owner = process(one());
  EXPECT_EQ(owner->log->append(Context(), id_, batch_of(3)).value_or(0), 3u);
  const auto reader = process(other() + "," + one());
  const auto found = reader->log->read(Context(), id_, 0, 1 << 20);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->back().last_seq(), 3u);
}

TEST_F(ReplicasTest, RecordsThatNoReplicaHasAreNeverAnEnd) {
  const auto owner = process(one());
  EXPECT_EQ(owner->log->append(Context(), id_, batch_of(3)).value_or(0), 3u);
  const auto reader = process(other());
  const auto found = reader->log->read(Context::with_timeout(milliseconds(300)), id_, 0, 1 << 20);
  ASSERT_FALSE(found.ok());
}

TEST_F(ReplicasTest, WriteIsAcknowledgedOnceEnoughReplicasShowIt) {
  const auto careful = process(one() + "," + other(), 2);
  const auto refused =
      careful->log->append(Context::with_timeout(milliseconds(1500)), id_, batch_of(3));
  ASSERT_FALSE(refused.ok()) << "the other one never gets it";
  EXPECT_EQ(refused.error().code(), Code::unavailable);
  EXPECT_EQ(careful->log->last(Context(), id_).value_or(9), 0u);
  std::this_thread::sleep_for(milliseconds(2000));
  Client& client = careful->client.client();
  for (const Node& node : client.order(0)) {
    const auto rows =
        client.select(Context(), node, "SELECT count() AS n FROM " + log_table(client),
                      {{"n", std::vector<uint64_t>()}});
    ASSERT_TRUE(rows.ok()) << rows.error().message();
    EXPECT_EQ(rows->get<std::vector<uint64_t>>(0).front(), node.replica == 0 ? 3u : 0u)
        << "what is stored is not sent again";
  }
}

TEST_F(ReplicasTest, OrderIsByFailuresSinceTheLastAnswer) {
  ClickHouseClient client(settings(one() + "," + other()));
  Client& servers = client.client();
  Replicas replicas(servers, client.metrics());
  EXPECT_EQ(servers.order(0).front().replica, 0u);
  const auto ask = [&](const Context& context, const std::string& sql) {
    return servers.select(context, {0, 0}, sql, {{"n", std::vector<uint8_t>()}}).ok();
  };
  EXPECT_FALSE(ask(Context::with_timeout(milliseconds(100)), "SELECT sleep(1) AS n"));
  EXPECT_EQ(servers.order(0).front().replica, 1u);
  EXPECT_FALSE(replicas.noted().front().reachable);
  Context cancelled;
  cancelled.cancel();
  EXPECT_FALSE(ask(cancelled, "SELECT toUInt8(1) AS n"));
  EXPECT_FALSE(replicas.noted().front().reachable) << "that said nothing of the server";
  EXPECT_FALSE(ask(Context(), "no statement")) << "an answer";
  EXPECT_EQ(servers.order(0).front().replica, 0u);
  EXPECT_TRUE(replicas.noted().front().reachable);
}

// One that was away for days, and lists only what it has fetched.
TEST_F(ReplicasTest, DayGoesOnlyIfEveryReplicasRowsOfItMay) {
  constexpr uint32_t kDays = 5 * 86'400;
  ClickHouseClient first(settings(one())), second(settings(other()));
  LogBlocks early(first.client().seconds() - kDays, 10, 10'000);
  early.add(id_, 1, 1, *batch_of(2));
  LogBlocks late(first.client().seconds() - kDays, 10, 10'000);
  late.add(id_, 1, 3, *batch_of(2));
  for (ClickHouseClient* client : {&first, &second})
    ASSERT_TRUE(client->client().insert(Context(), {}, kLogTable, early.blocks().front()).ok());
  ASSERT_TRUE(second.client().insert(Context(), {}, kLogTable, late.blocks().front()).ok());
  ASSERT_TRUE(history_.begin(Context(), id_, 1).ok());
  ASSERT_TRUE(history_.commit(Context(), std::vector<History::Commit>{{id_, 1, 0, 4}})[0].ok());
  ASSERT_TRUE(history_.trim(Context(), id_, 2).ok());
  const auto rows = [](ClickHouseClient& client) {
    return client.client()
        .select(Context(), {}, "SELECT count() AS n FROM " + log_table(client.client()),
                {{"n", std::vector<uint64_t>()}})
        ->get<std::vector<uint64_t>>(0)
        .front();
  };
  const auto drop_days = [&](const std::string& urls) {
    ClickHouseClient both(settings(urls));
    SingleLeases leases;
    Topics topics;
    return Upkeep({both.client(), topics, history_, leases}, {}).drop_days(Context());
  };
  ASSERT_TRUE(drop_days(one() + "," + other()).ok());
  EXPECT_EQ(rows(first), 2u) << "the other one has more that is needed";
  EXPECT_EQ(rows(second), 4u);
  ASSERT_TRUE(history_.trim(Context(), id_, 4).ok());
  const Status away = drop_days(one() + "," + nobody());
  ASSERT_FALSE(away.ok()) << "nobody knows what that one has";
  EXPECT_EQ(away.error().code(), Code::unavailable);
  EXPECT_EQ(rows(first), 2u);
  ASSERT_TRUE(drop_days(one() + "," + other()).ok());
  EXPECT_EQ(rows(first), 0u);
}

/// Commits that end when nobody wants them any more.
class StuckHistory final : public conformance::MemHistory {
 public:
  std::atomic<bool> asked = false;
  std::vector<Status> commit(const Context& context, std::span<const Commit> commits) override {
    asked = true;
    while (context.check().ok()) std::this_thread::sleep_for(milliseconds(5));
    return std::vector<Status>(commits.size(), context.check());
  }
};

TEST_F(ReplicasTest, StopEndsACommitThatFollowedAnAttemptOfItsOwn) {
  StuckHistory history;
  Process owner(settings(one() + "," + other()), history, 1);
  std::jthread writing([&] { EXPECT_FALSE(owner.log->append(Context(), id_, batch_of(1)).ok()); });
  while (!history.asked) std::this_thread::yield();
  const auto begun = Context::Clock::now();
  owner.log->stop();
  EXPECT_LT(Context::Clock::now() - begun, std::chrono::seconds(10));
}

}  // namespace
}  // namespace viridian::clickhouse
