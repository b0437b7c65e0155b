#include "clickhouse/migrations.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "clickhouse/client.h"
#include "clickhouse/literal.h"
#include "clickhouse/migration_text.h"
#include "clickhouse/test_client.h"
#include "clickhouse/test_server.h"
#include "tests/conformance/clickhouse_server.h"

namespace viridian::clickhouse {
namespace {

constexpr std::string_view kText = R"(-- What it is for.
-- step: one
-- check: SELECT 1 FROM {database}.a
--        WHERE name = {name}
CREATE TABLE {database}.a (
  v Array(Float32){uncompressed}
)
ENGINE = {engine ReplacingMergeTree a seq}
SETTINGS index_granularity = 256{durable}

-- More about the next one.
-- step: two
-- check: SELECT 2
CREATE TABLE b ENGINE = {engine MergeTree b}
)";

MigrationTarget target(bool replicated, bool modern) {
  return {"my db", replicated, [modern](std::string_view) { return modern; }};
}

TEST(MigrationText, StepsAreAdaptedToAnOldServer) {
  const auto steps = migration_steps(kText, target(false, false));
  ASSERT_TRUE(steps.ok()) << steps.error().message();
  ASSERT_EQ(steps->size(), 2U);
  EXPECT_EQ((*steps)[0].name, "one");
  EXPECT_EQ((*steps)[0].check, "SELECT 1 FROM `my db`.a WHERE name = 'my db'");
  EXPECT_EQ((*steps)[0].statement,
            "CREATE TABLE `my db`.a (\n  v Array(Float32)\n)\nENGINE = ReplacingMergeTree(seq)\n"
            "SETTINGS index_granularity = 256");
  EXPECT_EQ((*steps)[1].check, "SELECT 2");
  EXPECT_EQ((*steps)[1].statement, "CREATE TABLE b ENGINE = MergeTree");
}

TEST(MigrationText, StepsAreAdaptedToANewClusterWhosePathsNameTheDatabase) {
  const auto steps = migration_steps(kText, target(true, true));
  ASSERT_TRUE(steps.ok()) << steps.error().message();
  EXPECT_EQ((*steps)[0].statement,
            "CREATE TABLE `my db`.a (\n  v Array(Float32) CODEC(NONE)\n)\n"
            "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/my db/a', "
            "'{replica}', seq)\n"
            "SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1");
  EXPECT_EQ((*steps)[1].statement,
            "CREATE TABLE b ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/my db/b', "
            "'{replica}')");
}

TEST(MigrationText, WhatIsNotOfTheFormIsRefused) {
  for (const char* text : {"-- step: a\n-- check: SELECT 1\n", "-- step: a\nCREATE TABLE x\n",
                           "-- step: a\n-- check: SELECT {what}\nCREATE x\n",
                           "-- step: a\n-- check: SELECT 1\nCREATE {name\n"})
    EXPECT_FALSE(migration_steps(text, target(false, false)).ok()) << text;
}

class ClickHouseMigrations : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_CLICKHOUSE();
    settings_ = ClickHouseServer::shared()->settings(name_);
  }
  void TearDown() override {
    if (!testing::Test::IsSkipped()) {
      Server all(server_options(), metrics(), stopping_);
      EXPECT_TRUE(all.execute(context_, "DROP DATABASE IF EXISTS " + identifier(name_)).ok());
    }
  }
  static Server::Options server_options() {
    return {{ClickHouseServer::shared()->url(), {}, {}}, 4, std::chrono::seconds(10)};
  }
  obs::Metrics& metrics() { return *metrics_; }
  Status run(std::span<const Migration> shipped, MigrationMode mode = MigrationMode::apply) {
    Server server(server_options(), metrics(), stopping_);
    VIRIDIAN_TRY_VOID(server.discover(context_));
    return migrate(context_, server, {name_, false, mode}, shipped);
  }
  Status run(MigrationMode mode) { return run(embedded_migrations(), mode); }
  /// Columns by table.
  std::map<std::string, uint64_t> columns() {
    Server server(server_options(), metrics(), stopping_);
    const auto rows = server.select(
        context_,
        "SELECT toString(table) AS t, count() AS n FROM system.columns WHERE database = " +
            literal(name_) + " GROUP BY t",
        {{"t", StringColumn()}, {"n", std::vector<uint64_t>()}});
    std::map<std::string, uint64_t> found;
    if (!rows.ok()) ADD_FAILURE() << rows.error().message();
    for (size_t i = 0; rows.ok() && i < rows->rows(); ++i)
      found[std::string(rows->get<StringColumn>(0)[i])] = rows->get<std::vector<uint64_t>>(1)[i];
    return found;
  }
  uint64_t recorded() {
    Server server(server_options(), metrics(), stopping_);
    const auto rows = server.select(
        context_, "SELECT count() AS n FROM " + identifier(name_) + ".schema_migrations",
        {{"n", std::vector<uint64_t>()}});
    return rows.ok() ? rows->get<std::vector<uint64_t>>(0)[0] : 0;
  }

  const std::map<std::string, uint64_t> kTables = {{"record_log", 13},
                                                   {"records", 11},
                                                   {"sysdb_log", 5},
                                                   {"servers", 4},
                                                   {"schema_migrations", 7}};
  const std::string name_ = ClickHouseServer::new_database();
  Settings settings_;
  Context context_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<obs::Metrics> metrics_ = std::make_unique<obs::Metrics>();
};

TEST_F(ClickHouseMigrations, TablesAreMadeOnce) {
  ASSERT_TRUE(run(MigrationMode::apply).ok());
  EXPECT_EQ(columns(), kTables);
  const uint64_t rows = recorded();
  EXPECT_EQ(rows, 8U);  // begun and done, of each step
  const Status again = run(MigrationMode::apply);
  EXPECT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(recorded(), rows);
  EXPECT_TRUE(run(MigrationMode::validate).ok());
}

TEST_F(ClickHouseMigrations, ValidationChangesNothing) {
  const Status status = run(MigrationMode::validate);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::failed_precondition) << status.error().message();
  EXPECT_TRUE(columns().empty());
  EXPECT_TRUE(run(MigrationMode::none).ok());
  EXPECT_TRUE(columns().empty());
}

TEST_F(ClickHouseMigrations, ANewerDatabaseIsRefused) {
  std::vector<Migration> newer(embedded_migrations().begin(), embedded_migrations().end());
  newer.push_back({"clickhouse", "00002-more.clickhouse.sql",
                   "-- step: more\n-- check: SELECT toUInt8(count() = 1) AS done FROM"
                   " system.columns WHERE database = {name} AND table = 'more'\n"
                   "CREATE TABLE IF NOT EXISTS {database}.more (a UInt8) ENGINE = Memory\n"});
  ASSERT_TRUE(run(newer).ok());
  for (const MigrationMode mode : {MigrationMode::apply, MigrationMode::validate}) {
    const Status status = run(mode);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), Code::failed_precondition) << status.error().message();
    EXPECT_NE(status.error().message().find("newer"), std::string::npos);
  }
}

TEST_F(ClickHouseMigrations, AChangedMigrationIsRefused) {
  ASSERT_TRUE(run(MigrationMode::apply).ok());
  std::vector<Migration> changed(embedded_migrations().begin(), embedded_migrations().end());
  const std::string text = std::string(changed[0].sql) + "\n-- changed\n";
  changed[0].sql = text;
  const Status status = run(changed);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::failed_precondition) << status.error().message();
}

TEST_F(ClickHouseMigrations, AStepWhoseCheckFailsIsNotDone) {
  const Migration lie[] = {
      {"clickhouse", "00001-lie.clickhouse.sql",
       "-- step: lie\n-- check: SELECT toUInt8(0) AS done\n"
       "CREATE TABLE IF NOT EXISTS {database}.lie (a UInt8) ENGINE = Memory\n"}};
  for (int i = 0; i < 2; ++i) EXPECT_EQ(run(lie).error().code(), Code::failed_precondition);
  EXPECT_FALSE(run(lie, MigrationMode::validate).ok());
}

TEST_F(ClickHouseMigrations, SeveralAtOnceAgree) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      const Status status = run(MigrationMode::apply);
      EXPECT_TRUE(status.ok()) << status.error().message();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(columns(), kTables);
}

TEST_F(ClickHouseMigrations, OneThatIsCutOffAnywhereIsFinishedByTheNext) {
  TestProxy proxy(ClickHouseServer::shared()->port());
  Server::Options options = server_options();
  options.endpoint.address = proxy.url();
  const auto through_proxy = [&]() -> Status {
    Server server(options, metrics(), stopping_);
    VIRIDIAN_TRY_VOID(server.discover(context_));
    return migrate(context_, server, {name_, false, MigrationMode::apply});
  };
  ASSERT_TRUE(through_proxy().ok());
  const size_t bytes = proxy.sent();
  Server direct(server_options(), metrics(), stopping_);
  const size_t step = bytes / 8 + 1;
  for (size_t cut = step; cut < bytes; cut += step) {
    ASSERT_TRUE(direct.execute(context_, "DROP DATABASE " + identifier(name_)).ok());
    proxy.break_after(cut);
    EXPECT_FALSE(through_proxy().ok()) << cut;
    const Status next = run(MigrationMode::apply);
    ASSERT_TRUE(next.ok()) << cut << ": " << next.error().message();
    EXPECT_EQ(columns(), kTables) << cut;
  }
}

TEST_F(ClickHouseMigrations, AClientMigratesAtItsStart) {
  const TestClient client = TestClient::start(settings_);
  EXPECT_EQ(columns(), kTables);
  settings_.set("migrations", "validate");
  const TestClient second = TestClient::start(settings_);
  EXPECT_TRUE(second->knows({}, "max_threads"));
}

}  // namespace
}  // namespace viridian::clickhouse
