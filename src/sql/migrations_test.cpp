#include "sql/migrations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "os/real_files.h"
#include "os/temporary_directory.h"

namespace viridian::sql {
namespace {

using testing::HasSubstr;

constexpr Migration kOne{"things", "00001-one.sqlite.sql", "CREATE TABLE one(i INTEGER)"};
constexpr Migration kTwo{"things", "00002-two.sqlite.sql",
                         "CREATE TABLE two(i INTEGER);"
                         "INSERT INTO one VALUES (2)"};
constexpr Migration kThree{"things", "00003-three.sqlite.sql", "CREATE TABLE three(i INTEGER)"};
constexpr Migration kBroken{"things", "00002-broken.sqlite.sql",
                            "CREATE TABLE two(i INTEGER); INSERT INTO nowhere VALUES (1)"};

class MigrationsTest : public testing::Test {
 protected:
  std::unique_ptr<Database> open() {
    auto opened = Database::open(files_, path_);
    EXPECT_TRUE(opened.ok()) << opened.error().message();
    return *std::move(opened);
  }
  Status run(const std::vector<Migration>& shipped, MigrationMode mode = MigrationMode::apply) {
    return migrate(*database_, "things", shipped, mode);
  }
  /// Everything in the database that a migration could touch, as one text.
  std::string dump() {
    std::string all;
    auto schema = database_->prepare("SELECT name, sql FROM sqlite_schema ORDER BY name");
    while (*schema->step()) all += schema->text(0) + ": " + schema->text(1) + "\n";
    auto rows = database_->prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'migrations'");
    if (*rows->step() && rows->integer(0) == 1) {
      auto applied = database_->prepare("SELECT * FROM migrations ORDER BY directory, version");
      while (*applied->step())
        for (int i = 0; i < 6; ++i) all += applied->text(i) + "|";
    }
    return all;
  }
  void expect_refused(const std::vector<Migration>& shipped, MigrationMode mode,
                      const std::vector<std::string>& said) {
    const std::string before = dump();
    const Status status = run(shipped, mode);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), Code::failed_precondition) << status.error().message();
    EXPECT_THAT(status.error().message(), HasSubstr("things"));
    for (const std::string& part : said) EXPECT_THAT(status.error().message(), HasSubstr(part));
    EXPECT_EQ(dump(), before);
  }

  os::RealFiles files_;
  os::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/test.sqlite3";
  std::unique_ptr<Database> database_ = open();
};

TEST_F(MigrationsTest, AppliesInOrderOnceAndRemembers) {
  ASSERT_TRUE(run({kTwo, kOne}).ok());
  const std::string after = dump();
  EXPECT_THAT(after, HasSubstr("00002-two.sqlite.sql|" + std::string(kTwo.sql)));
  ASSERT_TRUE(run({kOne, kTwo}).ok());
  EXPECT_EQ(dump(), after);
  ASSERT_TRUE(run({kOne, kTwo}, MigrationMode::validate).ok());
  ASSERT_TRUE(run({kOne, kTwo, kThree}).ok());
  EXPECT_THAT(dump(), HasSubstr("CREATE TABLE three"));
}

TEST_F(MigrationsTest, RecordsTheSha256OfTheText) {
  ASSERT_TRUE(run({{"things", "00001-x.sqlite.sql", "SELECT 1"}}).ok());
  EXPECT_THAT(dump(),
              HasSubstr("e004ebd5b5532a4b85984a62f8ad48a81aa3460c1ca07701f386135d72cdecf5"));
}

TEST_F(MigrationsTest, OtherDirectoriesAndKindsDoNotCount) {
  const Migration other{"other", "00001-x.sqlite.sql", "CREATE TABLE x(i INTEGER)"};
  const Migration postgres{"things", "00002-two.postgres.sql", "CREATE TABLE p(i INTEGER)"};
  ASSERT_TRUE(run({kOne, other, postgres}).ok());
  EXPECT_THAT(dump(), testing::Not(HasSubstr("TABLE x")));
  EXPECT_THAT(dump(), testing::Not(HasSubstr("TABLE p")));
  ASSERT_TRUE(migrate(*database_, "other", std::vector{other}, MigrationMode::apply).ok());
  ASSERT_TRUE(run({kOne, other, postgres}, MigrationMode::validate).ok());
}

TEST_F(MigrationsTest, ChangedTextIsRefused) {
  ASSERT_TRUE(run({kOne, kTwo}).ok());
  Migration changed = kTwo;
  changed.sql = "CREATE TABLE two(i INTEGER, j INTEGER)";
  for (const MigrationMode mode : {MigrationMode::apply, MigrationMode::validate})
    expect_refused({kOne, changed, kThree}, mode, {"version 2", "00002-two.sqlite.sql"});
}

TEST_F(MigrationsTest, RenamedFileIsRefused) {
  ASSERT_TRUE(run({kOne}).ok());
  Migration renamed = kOne;
  renamed.filename = "00001-eins.sqlite.sql";
  expect_refused({renamed}, MigrationMode::apply,
                 {"00001-one.sqlite.sql", "00001-eins.sqlite.sql"});
}

TEST_F(MigrationsTest, TamperedHashIsRefused) {
  ASSERT_TRUE(run({kOne}).ok());
  ASSERT_TRUE(database_->execute("UPDATE migrations SET hash = 'f00'", "test").ok());
  expect_refused({kOne}, MigrationMode::apply, {"00001-one.sqlite.sql", "f00"});
}

TEST_F(MigrationsTest, NewerDatabaseIsRefused) {
  ASSERT_TRUE(run({kOne, kTwo, kThree}).ok());
  for (const MigrationMode mode : {MigrationMode::apply, MigrationMode::validate})
    expect_refused({kOne}, mode, {"newer", "version 3", "00003-three.sqlite.sql", "version 1"});
}

TEST_F(MigrationsTest, GapInTheDatabaseIsRefused) {
  ASSERT_TRUE(run({kOne, kTwo, kThree}).ok());
  ASSERT_TRUE(database_->execute("DELETE FROM migrations WHERE version = 2", "test").ok());
  expect_refused({kOne, kTwo, kThree}, MigrationMode::apply,
                 {"00003-three.sqlite.sql", "not version 2"});
}

TEST_F(MigrationsTest, GapInTheProgramIsRefused) {
  expect_refused({kOne, kThree}, MigrationMode::apply, {"00003-three.sqlite.sql", "version 2"});
  expect_refused({kOne, kTwo, kTwo}, MigrationMode::apply, {"00002-two.sqlite.sql", "version 3"});
  expect_refused({{"things", "1.sql", "SELECT 1"}}, MigrationMode::apply, {"1.sql"});
}

TEST_F(MigrationsTest, ValidateRefusesWhatIsNotApplied) {
  expect_refused({kOne}, MigrationMode::validate,
                 {"version 0", "version 1", "00001-one.sqlite.sql"});
  ASSERT_TRUE(run({kOne}).ok());
  expect_refused({kOne, kTwo, kThree}, MigrationMode::validate,
                 {"version 1", "version 3", "00002-two.sqlite.sql"});
}

TEST_F(MigrationsTest, NoneDoesNotLook) {
  const std::string before = dump();
  EXPECT_TRUE(run({kOne, kThree}, MigrationMode::none).ok());
  EXPECT_EQ(dump(), before);
}

TEST_F(MigrationsTest, FailingMigrationUndoesTheWholeRun) {
  const std::string before = dump();
  const Status status = run({kOne, kBroken});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("things/00002-broken.sqlite.sql"));
  EXPECT_THAT(status.error().message(), HasSubstr("no such table: nowhere"));
  EXPECT_EQ(dump(), before);
}

TEST_F(MigrationsTest, MigrationMayNotEndTheTransaction) {
  const Status status = run({{"things", "00001-x.sqlite.sql", "COMMIT"}});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::internal);
}

// Each of the processes must find the tables as they should be, and only one may make them.
TEST_F(MigrationsTest, ProcessesThatStartAtOnceAgree) {
  database_.reset();
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto database = Database::open(files_, path_);
      const bool ok =
          database.ok() &&
          migrate(**database, "things", std::vector{kOne, kTwo, kThree}, MigrationMode::apply).ok();
      _exit(ok ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  database_ = open();
  auto rows = database_->prepare("SELECT count(*) FROM one");
  ASSERT_TRUE(*rows->step());
  EXPECT_EQ(rows->integer(0), 1);
}

TEST(MigrationName, OnlyTheAgreedFormIsTaken) {
  const auto name = parse_migration_name("00012-add-owner.sqlite.sql");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->version, 12u);
  EXPECT_EQ(name->name, "add-owner");
  EXPECT_EQ(name->kind, "sqlite");
  for (const char* bad :
       {"", ".sql", "00001.sql", "00001-a.sql", "0001-a.sqlite.sql", "000001-a.sqlite.sql",
        "00000-a.sqlite.sql", "00001-.sqlite.sql", "00001-a..sql", "00001-A.sqlite.sql",
        "00001-a.SQLite.sql", "00001-a.sqlite.sq", "00001_a.sqlite.sql", "0000x-a.sqlite.sql"})
    EXPECT_FALSE(parse_migration_name(bad).has_value()) << bad;
}

TEST(MigrationMode, UnknownModeIsNamed) {
  EXPECT_EQ(*parse_migration_mode("validate"), MigrationMode::validate);
  const auto mode = parse_migration_mode("aply");
  ASSERT_FALSE(mode.ok());
  EXPECT_THAT(mode.error().message(), HasSubstr("aply"));
}

TEST(EmbeddedMigrations, ApplyToAnEmptyDatabase) {
  os::RealFiles files;
  const os::TemporaryDirectory directory;
  auto database = Database::open(files, directory.path() + "/x");
  ASSERT_TRUE(database.ok());
  const Status status = migrate(**database, "sysdb", embedded_migrations(), MigrationMode::apply);
  ASSERT_TRUE(status.ok()) << status.error().message();
  EXPECT_TRUE((*database)->prepare("SELECT * FROM collections").ok());
}

}  // namespace
}  // namespace viridian::sql
