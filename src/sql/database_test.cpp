#include "sql/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "os/real_files.h"
#include "os/temporary_directory.h"

namespace viridian::sql {
namespace {

using testing::HasSubstr;

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() {
    auto opened = Database::open(files_, path_);
    EXPECT_TRUE(opened.ok()) << opened.error().message();
    database_ = *std::move(opened);
  }
  void run(const std::string& sql) {
    const Status status = database_->execute(sql, "test");
    ASSERT_TRUE(status.ok()) << status.error().message();
  }
  int64_t number(std::string_view sql) {
    auto statement = database_->prepare(sql);
    EXPECT_TRUE(statement.ok()) << statement.error().message();
    const auto row = statement->step();
    EXPECT_TRUE(row.ok() && *row);
    return statement->integer(0);
  }

  os::RealFiles files_;
  os::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/test.sqlite3";
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseTest, ConnectionIsDurableAndChecksForeignKeys) {
  EXPECT_EQ(number("PRAGMA synchronous"), 2);
  EXPECT_EQ(number("PRAGMA foreign_keys"), 1);
  EXPECT_EQ(number("PRAGMA secure_delete"), 1);
  auto mode = database_->prepare("PRAGMA journal_mode");
  ASSERT_TRUE(mode.ok() && mode->step().ok());
  EXPECT_EQ(mode->text(0), "wal");
}

TEST_F(DatabaseTest, ValuesComeBackAsTheyWereBound) {
  run("CREATE TABLE t(i INTEGER, s TEXT, b BLOB, n TEXT)");
  const std::string odd("a\0b\n\xc3\xa9", 6);
  const std::vector<uint8_t> blob = {0, 255, 7};
  {
    auto insert = database_->prepare("INSERT INTO t VALUES (?, ?, ?, ?)");
    ASSERT_TRUE(insert.ok());
    insert->bind(std::numeric_limits<int64_t>::min()).bind(odd).bind(blob);
    insert->bind(std::optional<std::string>());
    ASSERT_TRUE(insert->run().ok());
  }
  auto select = database_->prepare("SELECT * FROM t");
  ASSERT_TRUE(select.ok());
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(select->text(1), odd);
  EXPECT_EQ(select->blob(2), blob);
  EXPECT_EQ(select->optional_text(3), std::nullopt);
  EXPECT_FALSE(*select->step());
}

TEST_F(DatabaseTest, EmptyTextAndBlobAreNotNull) {
  auto select = database_->prepare("SELECT ? IS NULL, ? IS NULL, ? IS NULL");
  ASSERT_TRUE(select.ok());
  select->bind(std::string_view()).bind(std::span<const uint8_t>()).bind_null();
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), 0);
  EXPECT_EQ(select->integer(1), 0);
  EXPECT_EQ(select->integer(2), 1);
}

// A cached statement that kept its values or its place would answer for an earlier call.
TEST_F(DatabaseTest, StatementFromTheCacheStartsAfresh) {
  for (int64_t i = 0; i < 3; ++i) {
    auto select = database_->prepare("SELECT ? UNION ALL SELECT 100");
    ASSERT_TRUE(select.ok());
    select->bind(i);
    ASSERT_TRUE(*select->step());
    EXPECT_EQ(select->integer(0), i);
  }
}

TEST_F(DatabaseTest, SameStatementCanBeInUseTwice) {
  auto one = database_->prepare("SELECT 1");
  auto two = database_->prepare("SELECT 1");
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_TRUE(*one->step());
  EXPECT_TRUE(*two->step());
}

TEST_F(DatabaseTest, ErrorsNameFileStatementAndReason) {
  const auto prepared = database_->prepare("SELECT x FROM nowhere");
  ASSERT_FALSE(prepared.ok());
  EXPECT_EQ(prepared.error().code(), Code::internal);
  EXPECT_THAT(prepared.error().message(), HasSubstr(path_));
  EXPECT_THAT(prepared.error().message(), HasSubstr("SELECT x"));
  EXPECT_THAT(prepared.error().message(), HasSubstr("no such table: nowhere"));
}

TEST_F(DatabaseTest, UniquenessIsToldFromOtherConstraints) {
  run("CREATE TABLE p(k TEXT PRIMARY KEY, v INTEGER CHECK (v > 0), u INTEGER UNIQUE)");
  run("CREATE TABLE c(k TEXT REFERENCES p(k))");
  run("INSERT INTO p VALUES ('a', 1, 1)");
  const auto code = [&](const char* sql) { return database_->execute(sql, "test").error().code(); };
  EXPECT_EQ(code("INSERT INTO p VALUES ('a', 1, 2)"), Code::already_exists);
  EXPECT_EQ(code("INSERT INTO p VALUES ('b', 1, 1)"), Code::already_exists);
  EXPECT_EQ(code("INSERT INTO p VALUES ('b', 0, 2)"), Code::failed_precondition);
  EXPECT_EQ(code("INSERT INTO c VALUES ('missing')"), Code::failed_precondition);
}

TEST_F(DatabaseTest, TransactionThatIsNotCommittedLeavesNothing) {
  run("CREATE TABLE t(i INTEGER)");
  {
    auto transaction = Transaction::begin(*database_);
    ASSERT_TRUE(transaction.ok());
    run("INSERT INTO t VALUES (1)");
  }
  EXPECT_FALSE(database_->in_transaction());
  EXPECT_EQ(number("SELECT count(*) FROM t"), 0);
  auto transaction = Transaction::begin(*database_);
  ASSERT_TRUE(transaction.ok());
  run("INSERT INTO t VALUES (1)");
  ASSERT_TRUE(transaction->commit().ok());
  EXPECT_EQ(number("SELECT count(*) FROM t"), 1);
}

TEST_F(DatabaseTest, FullDiskIsResourceExhaustedAndUndone) {
  run("CREATE TABLE t(b BLOB)");
  run("INSERT INTO t VALUES (zeroblob(10))");
  ASSERT_TRUE(database_->prepare("PRAGMA max_page_count = 8")->run().ok());
  const Status status = database_->execute("INSERT INTO t VALUES (zeroblob(1000000))", "filling");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::resource_exhausted);
  EXPECT_THAT(status.error().message(), HasSubstr("filling"));
  EXPECT_EQ(number("SELECT count(*) FROM t"), 1);
}

TEST_F(DatabaseTest, LockedDatabaseIsUnavailableAfterTheTimeout) {
  auto other = Database::open(files_, path_, std::chrono::milliseconds(1));
  ASSERT_TRUE(other.ok());
  auto held = Transaction::begin(*database_);
  ASSERT_TRUE(held.ok());
  auto refused = Transaction::begin(**other);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::unavailable);
}

TEST(DatabaseOpen, FileThatIsNoDatabaseIsDataLoss) {
  os::RealFiles files;
  const os::TemporaryDirectory directory;
  const std::string path = directory.path() + "/x";
  std::ofstream(path) << std::string(5000, 'x');
  const auto opened = Database::open(files, path);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), Code::data_loss);
  EXPECT_THAT(opened.error().message(), HasSubstr(path));
}

TEST(DatabaseOpen, MissingOrUnwritableDirectoryIsAnError) {
  os::RealFiles files;
  for (const char* path : {"/nonexistent/directory/x", "/proc/x"}) {
    const auto opened = Database::open(files, path);
    ASSERT_FALSE(opened.ok()) << path;
    EXPECT_THAT(opened.error().message(), HasSubstr(path));
  }
}

TEST(DatabaseOpen, DamagedPageIsFoundByTheCheck) {
  os::RealFiles files;
  const os::TemporaryDirectory directory;
  const std::string path = directory.path() + "/x";
  {
    auto database = Database::open(files, path);
    ASSERT_TRUE(database.ok());
    ASSERT_TRUE((*database)->execute("CREATE TABLE t(s TEXT PRIMARY KEY)", "test").ok());
    ASSERT_TRUE((*database)->execute("INSERT INTO t VALUES ('a')", "test").ok());
    EXPECT_TRUE((*database)->check_integrity().ok());
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 + 3);
  file << std::string(64, '\xff');
  file.close();
  auto database = Database::open(files, path);
  const Status checked = database.ok() ? (*database)->check_integrity() : Status(database.error());
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code(), Code::data_loss) << checked.error().message();
}

}  // namespace
}  // namespace viridian::sql
