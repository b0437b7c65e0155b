#include "sysdb/sqlite_sysdb.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "os/faulty_files.h"
#include "sysdb/test_holders.h"

namespace viridian {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

class SqliteSysDb : public testing::Test {
 protected:
  Status start(sql::MigrationMode mode = sql::MigrationMode::apply) {
    db_ = std::make_unique<sqlite::SysDb>(
        files_, directory_, sqlite::SysDb::Options{.migrations = mode, .read_only = false});
    return db_->start(Context());
  }
  void fill() {
    ASSERT_TRUE(start().ok());
    for (int i = 0; i < 100; ++i) {
      Collection made;
      made.id = Uuid::random();
      made.name = "c" + std::to_string(i);
      made.tenant = kDefaultTenant;
      made.database = kDefaultDatabase;
      made.metadata = Metadata{{"k", std::string(200, 'x')}};
      ASSERT_TRUE(db_->create_collection(ctx_, made, {}).ok());
    }
    db_.reset();
  }
  void execute(const std::string& sql) {
    auto database = sql::Database::open(files_, file_);
    ASSERT_TRUE(database.ok());
    const Status status = (*database)->execute(sql, "test");
    ASSERT_TRUE(status.ok()) << status.error().message();
  }

  Context ctx_;
  static Collection a_collection() {
    Collection made;
    made.id = Uuid::random();
    made.name = "collection";
    made.tenant = kDefaultTenant;
    made.database = kDefaultDatabase;
    return made;
  }

  os::TemporaryDirectory temporary_;
  os::RealFiles files_;
  local::DataDirectory directory_{files_, temporary_.path()};
  const std::string file_ = temporary_.path() + "/sysdb.sqlite3";
  std::unique_ptr<sqlite::SysDb> db_;
};

// Deleting is how room is made, and it takes some: the write-ahead log grows first.
TEST_F(SqliteSysDb, OnAFullDiskCollectionsAreDeletedWithTheSpareRoom) {
  os::FaultyFiles faulty(files_, os::FaultyFiles::Syncs::pretended);
  db_ = std::make_unique<sqlite::SysDb>(faulty, directory_, sqlite::SysDb::Options{});
  ASSERT_TRUE(db_->start(ctx_).ok());
  const Collection made = a_collection();
  ASSERT_TRUE(db_->create_collection(ctx_, made, {}).ok());
  const std::string spare = temporary_.path() + "/spare";
  ASSERT_TRUE(files_.exists(spare).value());

  faulty.fail({.calls = os::FileCalls::write, .code = Code::resource_exhausted});
  const uint64_t removals = faulty.count(os::FileCalls::remove);
  const Status deleted = db_->delete_collection(ctx_, made.id);
  EXPECT_TRUE(deleted.ok()) << deleted.error().message();
  EXPECT_TRUE(faulty.struck());
  EXPECT_GT(faulty.count(os::FileCalls::remove), removals);
  EXPECT_TRUE(files_.exists(spare).value()) << "the room is taken again";
  EXPECT_EQ(db_->count_collections(ctx_, {kDefaultTenant, kDefaultDatabase}).value(), 0u);
  db_.reset();  // before the files that it uses
}

TEST_F(SqliteSysDb, RubbishFileIsDataLoss) {
  std::ofstream(file_) << std::string(10000, 'r');
  const Status status = start();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::data_loss) << status.error().message();
  EXPECT_THAT(status.error().message(), HasSubstr(file_));
}

// What a process leaves in the write-ahead log goes into the file when the next one starts.
TEST_F(SqliteSysDb, StartsOnAFullDiskWithTheSpareRoom) {
  db_ = std::make_unique<sqlite::SysDb>(files_, directory_, sqlite::SysDb::Options{});
  ASSERT_TRUE(db_->start(ctx_).ok());
  const Collection made = a_collection();
  ASSERT_TRUE(db_->create_collection(ctx_, made, {}).ok());
  const os::TemporaryDirectory killed;
  std::filesystem::copy(temporary_.path(), killed.path(), std::filesystem::copy_options::recursive);
  db_.reset();

  os::FaultyFiles faulty(files_, os::FaultyFiles::Syncs::pretended);
  local::DataDirectory directory(faulty, killed.path());
  sqlite::SysDb again(faulty, directory, sqlite::SysDb::Options{});
  faulty.fail({.calls = os::FileCalls::write, .code = Code::resource_exhausted});
  const Status started = again.start(ctx_);
  EXPECT_TRUE(faulty.struck());
  EXPECT_TRUE(started.ok()) << started.error().message();
  EXPECT_EQ(again.count_collections(ctx_, {kDefaultTenant, kDefaultDatabase}).value(), 1u);
}

// An empty catalogue in its place would make garbage of all that is kept, and garbage is collected.
TEST_F(SqliteSysDb, MissingFileBesideKeptRecordsIsRefused) {
  ASSERT_TRUE(files_.make_directories(temporary_.path() + "/segments/x").ok());
  const Status status = start();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::failed_precondition);
  EXPECT_THAT(status.error().message(), HasSubstr("sysdb.sqlite3"));
  EXPECT_FALSE(std::filesystem::exists(file_));
}

// Whatever is cut off or overwritten: an error at start or at a call, or an answer; never a crash.
TEST_F(SqliteSysDb, TruncatedFileIsAnErrorThatNamesTheFile) {
  fill();
  const auto size = std::filesystem::file_size(file_);
  const std::string whole = temporary_.path() + "/whole";
  std::filesystem::copy_file(file_, whole);
  for (const auto left : {size - 4096, size / 2, uintmax_t{4096}, uintmax_t{2000}, uintmax_t{50}}) {
    std::filesystem::copy_file(whole, file_, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(file_, left);
    const Status status = start();
    ASSERT_FALSE(status.ok()) << left;
    EXPECT_EQ(status.error().code(), Code::data_loss) << status.error().message();
    EXPECT_THAT(status.error().message(), HasSubstr(file_));
    db_.reset();
  }
}

TEST_F(SqliteSysDb, DamagedBytesDoNotCrash) {
  fill();
  const auto size = std::filesystem::file_size(file_);
  const std::string whole = temporary_.path() + "/whole";
  std::filesystem::copy_file(file_, whole);
  for (uintmax_t at = 0; at < size; at += size / 40) {
    std::filesystem::copy_file(whole, file_, std::filesystem::copy_options::overwrite_existing);
    {
      std::fstream damage(file_, std::ios::in | std::ios::out | std::ios::binary);
      damage.seekp(static_cast<std::streamoff>(at));
      damage << std::string(48, '\xa5');
    }
    const Status status = start();
    if (status.ok()) {
      const auto listed = db_->list_collections(ctx_, {}, {});
      EXPECT_TRUE(listed.ok() || listed.error().code() == Code::data_loss) << at;
    } else {
      EXPECT_THAT(status.error().code(), AnyOf(Code::data_loss, Code::failed_precondition)) << at;
    }
    db_.reset();
  }
}

TEST_F(SqliteSysDb, DamagedSchemaOfOneCollectionIsDataLossThere) {
  fill();
  execute("UPDATE collections SET schema = '{oops' WHERE name = 'c7'");
  ASSERT_TRUE(start().ok());
  const auto damaged = db_->get_collection(ctx_, DatabasePath(), "c7");
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().code(), Code::data_loss);
  EXPECT_TRUE(db_->get_collection(ctx_, DatabasePath(), "c8").ok());
}

TEST_F(SqliteSysDb, MissingDirectoryIsAnError) {
  local::DataDirectory nowhere(files_, "/nonexistent/place");
  sqlite::SysDb db(files_, nowhere, sqlite::SysDb::Options());
  const Status status = db.start(ctx_);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("/nonexistent/place/sysdb.sqlite3"));
}

// In a child without privileges: the superuser may write everywhere.
TEST_F(SqliteSysDb, ReadOnlyDirectoryIsPermissionDenied) {
  fill();
  for (const bool with_file : {true, false}) {
    if (!with_file) {
      std::filesystem::remove(file_);
      std::filesystem::remove_all(temporary_.path() + "/catalogue");
    }
    ASSERT_EQ(chmod(temporary_.path().c_str(), 0555), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (geteuid() == 0 &&
          (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
        _exit(3);
      const Status status = start();
      if (status.ok()) _exit(1);
      _exit(status.error().code() == Code::permission_denied ? 0 : 2);
    }
    int exited = -1;
    ASSERT_EQ(waitpid(child, &exited, 0), child);
    ASSERT_EQ(chmod(temporary_.path().c_str(), 0755), 0);
    EXPECT_EQ(WEXITSTATUS(exited), 0) << with_file;
  }
}

TEST_F(SqliteSysDb, MigrationModeIsKeptTo) {
  EXPECT_EQ(start(sql::MigrationMode::validate).error().code(), Code::failed_precondition);
  ASSERT_TRUE(start(sql::MigrationMode::apply).ok());
  ASSERT_TRUE(start(sql::MigrationMode::validate).ok());
  ASSERT_TRUE(start(sql::MigrationMode::none).ok());
  db_.reset();
  execute("INSERT INTO migrations VALUES ('sysdb', 99999, '99999-future.sqlite.sql', '', '', 0)");
  EXPECT_EQ(start(sql::MigrationMode::apply).error().code(), Code::failed_precondition);
  EXPECT_TRUE(start(sql::MigrationMode::none).ok());
}

TEST_F(SqliteSysDb, CallsAfterStopAreUnavailable) {
  ASSERT_TRUE(start().ok());
  db_->stop();
  db_->stop();
  EXPECT_EQ(db_->get_tenant(ctx_, kDefaultTenant).error().code(), Code::unavailable);
  EXPECT_EQ(db_->get_collection(ctx_, Uuid()).error().code(), Code::unavailable);
  EXPECT_EQ(db_->create_tenant(ctx_, "t").error().code(), Code::unavailable);
}

TEST(SqliteSysDbAssembly, IsBuiltFromSettings) {
  const os::TemporaryDirectory temporary;
  Registry registry;
  registry.add<os::RealFiles, os::Files>("os::RealFiles");
  registry.add<local::DataDirectory, local::DataDirectory>("local::DataDirectory");
  registry.add<sqlite::SysDb, SysDb>("sqlite::SysDb");
  Settings settings;
  settings.set("path", temporary.path() + "/made/by/start/");
  settings.set("files", "os::RealFiles");
  settings.set("data_directory", "local::DataDirectory");
  settings.set("sysdb", "sqlite::SysDb");
  settings.set("migrations", "apply");
  settings.set("read_only", "false");
  System system(registry, settings);
  const auto db = system.require<SysDb>();
  ASSERT_TRUE(db.ok()) << db.error().message();
  const Status started = system.start(Context());
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_TRUE((*db)->get_tenant(Context(), kDefaultTenant).ok());
  EXPECT_TRUE(std::filesystem::exists(temporary.path() + "/made/by/start/sysdb.sqlite3"));
}

}  // namespace
}  // namespace viridian
