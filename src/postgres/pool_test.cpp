#include "postgres/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "postgres/migrations.h"
#include "postgres/sqlstate.h"
#include "tests/conformance/postgres_server.h"

namespace viridian::postgres {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(SqlState, SaysWhatToDoNext) {
  EXPECT_EQ(code_of_sqlstate("23505"), Code::already_exists);
  EXPECT_EQ(code_of_sqlstate("23503"), Code::failed_precondition);
  EXPECT_EQ(code_of_sqlstate("40001"), Code::aborted);
  EXPECT_EQ(code_of_sqlstate("40P01"), Code::aborted);
  EXPECT_EQ(code_of_sqlstate("57P01"), Code::unavailable);
  EXPECT_EQ(code_of_sqlstate("57014"), Code::deadline_exceeded);
  EXPECT_EQ(code_of_sqlstate("53300"), Code::unavailable);
  EXPECT_EQ(code_of_sqlstate("53100"), Code::resource_exhausted);
  EXPECT_EQ(code_of_sqlstate("25006"), Code::unavailable);
  EXPECT_EQ(code_of_sqlstate("XX001"), Code::data_loss);
  EXPECT_EQ(code_of_sqlstate("42601"), Code::internal);
  EXPECT_EQ(code_of_sqlstate(""), Code::internal);
}

TEST(PoolAddress, IsCheckedBeforeItIsUsed) {
  const auto said = [](const std::string& url) {
    Pool pool(Pool::Options{{url, ""}, 1, MigrationMode::none});
    const Status started = pool.start(Context());
    EXPECT_EQ(started.ok() ? Code::internal : started.error().code(), Code::invalid_argument);
    return started.ok() ? "" : started.error().message();
  };
  EXPECT_THAT(said(""), HasSubstr("postgres.url is not set"));
  EXPECT_THAT(said("nonsense"), HasSubstr("no connection string"));
  const std::string secret = said("postgresql://user:secret@host/database");
  EXPECT_THAT(secret, HasSubstr("postgres.password"));
  EXPECT_THAT(secret, testing::Not(HasSubstr("secret@")));
}

class PostgresPool : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_POSTGRES();
    url_ = PostgresServer::shared()->new_database();
    pool_ = PostgresServer::pool(url_, 3);
    PostgresServer::execute(url_, "CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT NOT NULL)");
  }
  Status put(int64_t key, int64_t value) {
    VIRIDIAN_TRY_VOID(
        pool_->change(ctx_, "INSERT INTO t VALUES ($1, $2)", Parameters().add(key).add(value)));
    return ok_status();
  }
  int64_t sum() {
    return pool_->read(ctx_, "SELECT coalesce(sum(v), 0)::bigint FROM t")->integer(0, 0);
  }

  Context ctx_;
  std::string url_;
  std::unique_ptr<Pool> pool_;
};

TEST_F(PostgresPool, ValuesComeBackAsTheyWereGiven) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  const Uuid id = Uuid::random();
  Parameters given;
  given.add(INT64_MIN).add(UINT64_MAX).add(std::string_view(bytes)).add(std::string_view());
  given.add(id).add(std::optional<int64_t>()).add(std::optional<std::string_view>());
  given.add(std::vector<Uuid>{id, Uuid()}).add(std::vector<uint64_t>{7, UINT64_MAX});
  given.add(std::vector<std::string>{"", bytes}).add(std::vector<Uuid>());
  const auto rows = pool_->read(
      ctx_, "SELECT $1, $2, $3, $4, $5, $6, $7, $8[1], $9[2], $10[2], cardinality($11) = 0, $10[1]",
      given);
  ASSERT_TRUE(rows.ok()) << rows.error().message();
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->integer(0, 0), INT64_MIN);
  EXPECT_EQ(rows->number(0, 1), UINT64_MAX);
  EXPECT_EQ(rows->bytes(0, 2), bytes);
  EXPECT_EQ(rows->bytes(0, 3), "");
  EXPECT_FALSE(rows->is_null(0, 3));
  EXPECT_EQ(rows->uuid(0, 4), id);
  EXPECT_TRUE(rows->is_null(0, 5));
  EXPECT_TRUE(rows->is_null(0, 6));
  EXPECT_EQ(rows->uuid(0, 7), id);
  EXPECT_EQ(rows->number(0, 8), UINT64_MAX);
  EXPECT_EQ(rows->bytes(0, 9), bytes);
  EXPECT_TRUE(rows->boolean(0, 10));
  EXPECT_EQ(rows->bytes(0, 11), "");
}

TEST_F(PostgresPool, ErrorsSayWhatWasWrongAndLeaveTheConnectionUsable) {
  ASSERT_TRUE(put(1, 1).ok());
  const Status again = put(1, 1);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), Code::already_exists);
  EXPECT_THAT(again.error().message(), HasSubstr("23505"));
  EXPECT_THAT(again.error().message(), HasSubstr("INSERT INTO t"));
  EXPECT_EQ(pool_->read(ctx_, "SELECT nonsense").error().code(), Code::internal);
  EXPECT_EQ(pool_->read(ctx_, "SELECT 1 FROM nowhere").error().code(), Code::failed_precondition);
  EXPECT_EQ(sum(), 1);
}

TEST_F(PostgresPool, TransactionIsAllOrNothing) {
  const Status refused = pool_->transact(ctx_, [&](Connection& connection) -> Status {
    VIRIDIAN_TRY_VOID(connection.run(ctx_, "INSERT INTO t VALUES (1, 1)"));
    return Error(Code::not_found, "changed my mind");
  });
  EXPECT_EQ(refused.error().message(), "changed my mind");
  EXPECT_EQ(sum(), 0);
  // An error that the body forgets does not become a commit of nothing.
  const Status forgotten = pool_->transact(ctx_, [&](Connection& connection) -> Status {
    VIRIDIAN_TRY_VOID(connection.run(ctx_, "INSERT INTO t VALUES (1, 1)"));
    EXPECT_FALSE(connection.run(ctx_, "SELECT nonsense").ok());
    return ok_status();
  });
  EXPECT_EQ(forgotten.error().code(), Code::internal);
  EXPECT_EQ(sum(), 0);
}

// Each of two has what the other one wants: PostgreSQL ends one of them, which is done again.
TEST_F(PostgresPool, DeadlocksAreDoneAgain) {
  ASSERT_TRUE(put(1, 0).ok() && put(2, 0).ok());
  std::atomic<int> first_locks = 0;
  const auto change = [&](int64_t first, int64_t second) {
    bool waited = false;
    return pool_->transact(ctx_, [&](Connection& connection) -> Status {
      const char* const kAdd = "UPDATE t SET v = v + 1 WHERE k = $1";
      VIRIDIAN_TRY_VOID(connection.run(ctx_, kAdd, Parameters().add(first)));
      if (!std::exchange(waited, true)) {
        ++first_locks;
        while (first_locks < 2) std::this_thread::yield();
      }
      VIRIDIAN_TRY_VOID(connection.run(ctx_, kAdd, Parameters().add(second)));
      return ok_status();
    });
  };
  {
    std::jthread other([&] { EXPECT_TRUE(change(2, 1).ok()); });
    EXPECT_TRUE(change(1, 2).ok());
  }
  EXPECT_EQ(sum(), 4);
}

TEST_F(PostgresPool, CallersWaitForAConnectionAsLongAsTheyMay) {
  std::atomic<int> holding = 0;
  std::atomic<bool> release = false;
  std::vector<std::jthread> holders;
  for (int i = 0; i < 3; ++i) {
    holders.emplace_back([&] {
      EXPECT_TRUE(pool_
                      ->transact(ctx_,
                                 [&](Connection&) -> Status {
                                   ++holding;
                                   while (!release) std::this_thread::yield();
                                   return ok_status();
                                 })
                      .ok());
    });
  }
  while (holding < 3) std::this_thread::yield();
  EXPECT_EQ(pool_->read(Context::with_timeout(milliseconds(50)), "SELECT 1").error().code(),
            Code::deadline_exceeded);
  Context cancelled;
  cancelled.cancel();
  EXPECT_EQ(pool_->read(cancelled, "SELECT 1").error().code(), Code::cancelled);
  release = true;
  holders.clear();
  EXPECT_TRUE(pool_->read(ctx_, "SELECT 1").ok());
}

TEST_F(PostgresPool, StatementThatIsGivenUpLeavesNothingBehind) {
  EXPECT_EQ(
      pool_->read(Context::with_timeout(milliseconds(100)), "SELECT pg_sleep(60)").error().code(),
      Code::deadline_exceeded);
  // The server notices that nobody waits any more, and ends it.
  const auto sleeping = [&] {
    return pool_
        ->read(ctx_,
               "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND"
               " datname = current_database() AND query LIKE 'SELECT pg_sleep%'")
        ->integer(0, 0);
  };
  while (sleeping() > 0) std::this_thread::yield();
}

TEST_F(PostgresPool, ReadsOutliveTheServersRestart) {
  ASSERT_TRUE(put(1, 5).ok());
  PostgresServer::shared()->kill();
  const auto gone = pool_->read(Context::with_timeout(milliseconds(300)), "SELECT 1");
  EXPECT_EQ(gone.ok() ? Code::internal : gone.error().code(), Code::unavailable);
  const auto findings = pool_->health(Context::with_timeout(milliseconds(300)));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_FALSE(findings[0].serving);
  PostgresServer::shared()->start();
  EXPECT_EQ(sum(), 5);
  EXPECT_TRUE(pool_->health(ctx_).empty());
  ASSERT_TRUE(put(2, 1).ok()) << "idle connections that are dead are not used";
}

// ---- Migrations

class PostgresMigrations : public testing::Test {
 protected:
  static constexpr Migration kOne{"postgres", "00001-one.postgres.sql",
                                  "CREATE TABLE one (i BIGINT); INSERT INTO one VALUES (1)"};
  static constexpr Migration kTwo{"postgres", "00002-two.postgres.sql",
                                  "CREATE TABLE two (i BIGINT)"};
  void SetUp() override {
    SKIP_WITHOUT_POSTGRES();
    url_ = PostgresServer::shared()->new_database();
  }
  Status run(const std::vector<Migration>& shipped, MigrationMode mode = MigrationMode::apply) {
    VIRIDIAN_TRY(const auto connection, Connection::open(Context(), {url_, ""}));
    return migrate(Context(), *connection, shipped, mode);
  }
  void expect_refused(const Status& status, const std::string& said) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), Code::failed_precondition);
    EXPECT_THAT(status.error().message(), HasSubstr(said));
  }
  int64_t number(const std::string& sql) {
    const auto connection = Connection::open(Context(), {url_, ""});
    return (*connection)->run(Context(), sql)->integer(0, 0);
  }
  std::string url_;
};

TEST_F(PostgresMigrations, AreAppliedOnceAndInOrder) {
  expect_refused(run({kOne}, MigrationMode::validate), "00001-one");
  ASSERT_TRUE(run({kOne}).ok());
  ASSERT_TRUE(run({kTwo, kOne}).ok());
  ASSERT_TRUE(run({kOne, kTwo}).ok());
  ASSERT_TRUE(run({kOne, kTwo}, MigrationMode::validate).ok());
  EXPECT_EQ(number("SELECT count(*) FROM one"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM two"), 0);
}

TEST_F(PostgresMigrations, OthersHistoriesAreRefused) {
  ASSERT_TRUE(run({kOne, kTwo}).ok());
  expect_refused(run({kOne}), "newer than this program");
  Migration changed = kOne;
  changed.sql = "CREATE TABLE one (i BIGINT)";
  expect_refused(run({changed, kTwo}), "SHA-256");
  EXPECT_TRUE(run({changed}, MigrationMode::none).ok());
}

TEST_F(PostgresMigrations, BrokenOneLeavesNoTrace) {
  const Migration broken{"postgres", "00002-two.postgres.sql",
                         "CREATE TABLE two (i BIGINT); INSERT INTO nowhere VALUES (1)"};
  const Status status = run({kOne, broken});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("00002-two"));
  EXPECT_EQ(
      number("SELECT count(*) FROM pg_tables WHERE tablename IN ('one', 'two', 'migrations')"), 0);
  EXPECT_TRUE(run({kOne, kTwo}).ok());
}

TEST_F(PostgresMigrations, ManyThatStartAtOnceApplyThemOnce) {
  std::vector<std::jthread> programs;
  for (int i = 0; i < 6; ++i) programs.emplace_back([&] { EXPECT_TRUE(run({kOne, kTwo}).ok()); });
  programs.clear();
  EXPECT_EQ(number("SELECT count(*) FROM one"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM migrations"), 2);
}

}  // namespace
}  // namespace viridian::postgres
