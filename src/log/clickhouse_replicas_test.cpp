// Several ClickHouse servers for one shard. They do not replicate here: each is to the others what
// a replica is that has not got something yet.
#include "log/clickhouse_replicas.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
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
    Settings settings = ClickHouseServer::shared()->settings(database_);
    settings.set("clickhouse.url", urls);
    settings.set("clickhouse.timeout_ms", "2000");
    return std::make_unique<Process>(settings, history_, copies);
  }
  static std::string one() { return ClickHouseServer::shared()->url(); }
  static std::string other() {
    static const auto server = std::make_unique<ClickHouseServer>();
    return server->url();
  }
  static std::string nobody() {
    return "http://127.0.0.1:" + std::to_string(ClickHouseServer::free_port());
  }

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
}

TEST_F(ReplicasTest, OrderIsByFailuresSinceTheLastAnswer) {
  ClickHouseClient client([&] {
    Settings settings = ClickHouseServer::shared()->settings(database_);
    settings.set("clickhouse.url", one() + "," + other());
    return settings;
  }());
  Replicas replicas(client.client(), client.metrics());
  EXPECT_EQ(replicas.order(0).front().replica, 0u);
  replicas.note({0, 0}, Error(Code::unavailable, "gone"));
  EXPECT_EQ(replicas.order(0).front().replica, 1u);
  EXPECT_FALSE(replicas.noted().front().reachable);
  replicas.note({0, 0}, Error(Code::resource_exhausted, "too many parts"));
  EXPECT_EQ(replicas.order(0).front().replica, 0u);
}

}  // namespace
}  // namespace viridian::clickhouse
