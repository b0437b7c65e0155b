#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

#include "os/faulty_files.h"
#include "os/forwarding_files.h"
#include "os/real_files.h"
#include "os/simulated_disk.h"
#include "os/temporary_directory.h"
#include "sql/checked_vfs.h"
#include "sql/database.h"
#include "sql/follower.h"
#include "sql/page_checksum.h"
#include "sql/upgrade.h"

namespace viridian::sql {
namespace {

using testing::HasSubstr;

std::unique_ptr<Database> opened(os::Files& files, const std::string& path) {
  auto database = Database::open(files, path);
  EXPECT_TRUE(database.ok()) << database.error().message();
  return database.ok() ? *std::move(database) : nullptr;
}

void run(Database& database, const std::string& sql) {
  const Status status = database.execute(sql, "test");
  ASSERT_TRUE(status.ok()) << status.error().message();
}

/// The rows of the table t, or why they cannot be read.
Result<std::string> rows_of(Database& database) {
  VIRIDIAN_TRY(Statement select, database.prepare("SELECT k, v FROM t ORDER BY k"));
  std::string all;
  while (true) {
    VIRIDIAN_TRY(const bool row, select.step());
    if (!row) return all;
    all += fmt::format("{}={};", select.integer(0), select.text(1));
  }
}

Result<std::string> rows_in(os::Files& files, const std::string& path) {
  VIRIDIAN_TRY(const auto database, Database::open(files, path));
  VIRIDIAN_TRY_VOID(database->check_integrity());
  return rows_of(*database);
}

constexpr const char* kTable = "CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT NOT NULL)";

void fill(Database& database, int rows) {
  run(database, kTable);
  for (int i = 0; i < rows; ++i)
    run(database, fmt::format("INSERT INTO t VALUES ({}, '{}')", i,
                              std::string(static_cast<size_t>(i * 1237 % 6000), 'x')));
}

class SqlFiles : public testing::Test {
 protected:
  std::string read_file(const std::string& path) {
    const auto file = real_.open(path, os::OpenMode::read);
    EXPECT_TRUE(file.ok());
    std::string bytes((*file)->size().value(), '\0');
    EXPECT_TRUE((*file)->read_at(0, std::as_writable_bytes(std::span(bytes))).ok());
    return bytes;
  }
  static void write_file(os::Files& files, const std::string& path, std::string_view bytes) {
    ASSERT_TRUE(files.remove(path).ok());
    const auto file = files.open(path, os::OpenMode::create);
    ASSERT_TRUE(file.ok() && (*file)->write_at(0, os::as_bytes(bytes)).ok());
    ASSERT_TRUE((*file)->sync().ok());
  }
  struct PlainFile {
    std::string bytes, log;
  };
  /// A file as the first version of this program wrote it, and its log as a crash left that.
  PlainFile plain_file() {
    PlainFile left;
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
    {
      Database plain(handle, path_, nullptr);
      run(plain, "PRAGMA journal_mode = WAL");
      fill(plain, 20);
      EXPECT_TRUE(*plain.checkpoint());
      for (int i = 0; i < 20; ++i)
        run(plain, fmt::format("UPDATE t SET v = 'new' WHERE k = {}", i));
      left = {read_file(path_), read_file(path_ + "-wal")};
    }
    return left;
  }

  os::TemporaryDirectory temporary_;
  os::RealFiles real_;
  os::FaultyFiles through_{real_, os::FaultyFiles::Syncs::pretended};
  const std::string path_ = temporary_.path() + "/it's.sqlite3";
};

TEST_F(SqlFiles, EverythingGoesThroughFilesThatAreNotTheOperatingSystems) {
  os::SimulatedDisk disk;
  ASSERT_TRUE(disk.make_directories("/only/there").ok());
  const std::string path = "/only/there/x.sqlite3";
  {
    const auto database = opened(disk, path);
    fill(*database, 100);
    // A statement journal and a sort that SQLite would put into temporary files.
    run(*database, "PRAGMA cache_size = 5; UPDATE t SET v = v || 'y'; CREATE INDEX i ON t(v)");
    EXPECT_TRUE(*disk.exists(path + "-wal"));
  }
  EXPECT_EQ(disk.list("/only/there")->size(), 1u) << "the log goes with the last connection";
  EXPECT_TRUE(rows_in(disk, path).ok());
  EXPECT_FALSE(std::filesystem::exists("/only/there"));
}

TEST_F(SqlFiles, ConnectionsOfOneProcessTakeTurns) {
  run(*opened(through_, path_), "CREATE TABLE n(n INTEGER); INSERT INTO n VALUES (0)");
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      const auto database = opened(through_, path_);
      for (int i = 0; i < 60; ++i) {
        auto transaction = Transaction::begin(*database);
        if (!transaction.ok() || !database->execute("UPDATE n SET n = n + 1", "test").ok() ||
            !transaction->commit().ok())
          ++failed;
        if (i % 10 == 0 && !database->checkpoint().ok()) ++failed;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  const auto database = opened(through_, path_);
  auto select = database->prepare("SELECT n FROM n");
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), 180);
}

TEST_F(SqlFiles, ErrorsKeepTheirCodeAndReason) {
  const auto database = opened(through_, path_);
  run(*database, kTable);
  through_.fail({.calls = os::FileCalls::write, .code = Code::resource_exhausted});
  const Status full = database->execute("INSERT INTO t VALUES (1, 'a')", "adding");
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code(), Code::resource_exhausted);
  EXPECT_THAT(full.error().message(), HasSubstr("adding: injected fault"));
  through_.clear();
  EXPECT_FALSE(database->broken().has_value());
  run(*database, "INSERT INTO t VALUES (1, 'a')");
  EXPECT_EQ(*rows_of(*database), "1=a;");
}

TEST_F(SqlFiles, FailedSyncEndsWritingUntilTheFileIsOpenedAgain) {
  {
    const auto database = opened(through_, path_);
    run(*database, kTable);
    run(*database, "INSERT INTO t VALUES (1, 'a')");
    through_.fail({.calls = os::FileCalls::sync});
    EXPECT_EQ(database->execute("INSERT INTO t VALUES (2, 'b')", "adding").error().code(),
              Code::data_loss);
    through_.clear();
    EXPECT_TRUE(database->broken().has_value());
    EXPECT_EQ(database->execute("INSERT INTO t VALUES (3, 'c')", "adding").error().code(),
              Code::data_loss);
    EXPECT_EQ(Transaction::begin(*database).error().code(), Code::data_loss);
    EXPECT_FALSE(database->checkpoint().ok());
    EXPECT_EQ(*rows_of(*database), "1=a;");
  }
  EXPECT_THAT(*rows_in(through_, path_), testing::AnyOf("1=a;", "1=a;2=b;"));
}

// The whole file is read by a follower, and what tables use by a connection: no flip gets past.
TEST_F(SqlFiles, EveryFlippedBitIsFound) {
  fill(*opened(real_, path_), 30);
  // Some pages of no use, which only a reader of the whole file looks at.
  run(*opened(real_, path_), "DELETE FROM t WHERE k % 3 = 0");
  const std::string whole = read_file(path_);
  const std::string rows = *rows_in(through_, path_);
  constexpr size_t kPage = 4096;
  ASSERT_GT(whole.size() / kPage, 10u);
  std::mt19937 random(1);
  for (size_t page = 0; page < whole.size() / kPage; ++page) {
    for (int i = 0; i < 24; ++i) {
      // In the header of the first page, in the checksums, anywhere.
      const size_t at = page * kPage + (i < 8    ? random() % 100
                                        : i < 12 ? 4088 + random() % 8
                                                 : random() % kPage);
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << random() % 8));
      write_file(real_, path_, flipped);
      Follower follower(real_, path_);
      const auto followed = follower.current();
      ASSERT_FALSE(followed.ok()) << at;
      EXPECT_EQ(followed.error().code(), Code::data_loss) << followed.error().message();
      const auto read = rows_in(through_, path_);
      if (read.ok())
        EXPECT_EQ(*read, rows) << at;
      else
        EXPECT_EQ(read.error().code(), Code::data_loss) << at << read.error().message();
    }
  }
}

TEST_F(SqlFiles, DamagedPageIsNamed) {
  fill(*opened(real_, path_), 30);
  std::string bytes = read_file(path_);
  bytes[2 * 4096 + 77] = static_cast<char>(bytes[2 * 4096 + 77] ^ 1);
  write_file(real_, path_, bytes);
  for (os::Files* files : {static_cast<os::Files*>(&real_), static_cast<os::Files*>(&through_)}) {
    const auto read = rows_in(*files, path_);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code(), Code::data_loss);
    EXPECT_THAT(read.error().message(), HasSubstr(path_ + ": page 3 at offset 8192"));
  }
}

TEST_F(SqlFiles, PagesInOthersPlacesAreFound) {
  fill(*opened(real_, path_), 30);
  std::string bytes = read_file(path_);
  std::swap_ranges(bytes.begin() + 3 * 4096, bytes.begin() + 4 * 4096, bytes.begin() + 5 * 4096);
  write_file(real_, path_, bytes);
  EXPECT_EQ(rows_in(real_, path_).error().code(), Code::data_loss);
  Follower follower(real_, path_);  // which does not look at what the pages are
  EXPECT_EQ(follower.current().error().code(), Code::data_loss);
}

TEST_F(SqlFiles, FileOfTheFirstVersionGetsChecksums) {
  plain_file();
  EXPECT_TRUE(*lacks_checksums(real_, path_));
  const std::string rows = *rows_in(real_, path_);
  EXPECT_TRUE(*lacks_checksums(real_, path_)) << "opening alone does not change it";
  ASSERT_TRUE(add_checksums(real_, path_).ok());
  EXPECT_FALSE(*lacks_checksums(real_, path_));
  EXPECT_EQ(*rows_in(real_, path_), rows);
  EXPECT_EQ(real_.list(temporary_.path())->size(), 1u);
  std::string bytes = read_file(path_);
  for (size_t at = 0; at < bytes.size(); at += 4096)
    EXPECT_TRUE(page_is_intact(std::as_bytes(std::span(bytes)).subspan(at, 4096), at / 4096 + 1));
}

TEST_F(SqlFiles, InterruptedUpgradeLosesNothing) {
  const PlainFile plain = plain_file();
  const std::string rows = *rows_in(real_, path_);
  os::SimulatedDisk disk;
  ASSERT_TRUE(disk.make_directories("/d").ok());
  write_file(disk, "/d/x", plain.bytes);
  write_file(disk, "/d/x-wal", plain.log);
  ASSERT_TRUE(disk.sync_directory("/d").ok());
  const size_t begin = disk.operations();
  ASSERT_TRUE(add_checksums(disk, "/d/x").ok());
  os::PowerCut cut(disk);
  int upgraded = 0;
  for (size_t at = begin; at <= disk.operations(); ++at) {
    cut.advance_to(at);
    for (uint64_t seed = 0; seed < 10; ++seed) {
      const unsigned percent = seed == 0 ? 0 : seed == 1 ? 100 : 50;
      os::SimulatedDisk after(cut.image({.percent = percent, .seed = at * 10 + seed}));
      const auto lacks = lacks_checksums(after, "/d/x");
      ASSERT_TRUE(lacks.ok());
      upgraded += *lacks ? 0 : 1;
      ASSERT_TRUE(remove_unfinished_upgrade(after, "/d/x").ok());
      if (*lacks) {
        ASSERT_TRUE(add_checksums(after, "/d/x").ok());
      }
      const auto read = rows_in(after, "/d/x");
      ASSERT_TRUE(read.ok()) << read.error().message();
      EXPECT_EQ(*read, rows);
      EXPECT_EQ(after.list("/d")->size(), 1u);
    }
  }
  EXPECT_GT(upgraded, 0);
}

TEST_F(SqlFiles, FailingUpgradeLosesNothing) {
  const PlainFile plain = plain_file();
  const std::string rows = *rows_in(real_, path_);
  bool struck = true;
  for (uint64_t nth = 1; struck; ++nth) {
    os::SimulatedDisk disk;
    ASSERT_TRUE(disk.make_directories("/d").ok());
    write_file(disk, "/d/x", plain.bytes);
    write_file(disk, "/d/x-wal", plain.log);
    os::FaultyFiles files(disk);
    files.fail({.nth = nth,
                .code = nth % 2 == 0 ? Code::resource_exhausted : Code::data_loss,
                .every_later = nth % 4 < 2,
                .partial_write = 1000});
    const Status done = add_checksums(files, "/d/x");
    struck = files.struck();
    files.clear();
    if (*lacks_checksums(files, "/d/x")) {
      EXPECT_FALSE(done.ok());
      ASSERT_TRUE(add_checksums(files, "/d/x").ok());
    }
    EXPECT_EQ(*rows_in(files, "/d/x"), rows) << nth;
  }
}

/// Does something of the test's just before a file is opened for the n-th time.
class FilesWithAStep : public os::ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  Result<std::unique_ptr<os::File>> open(const std::string& path, os::OpenMode mode) override {
    if (step_ && opened_++ == at_) step_();
    return inner_.open(path, mode);
  }
  void arm(int open, std::function<void()> what) {
    opened_ = 0;
    at_ = open;
    step_ = std::move(what);
  }
  void disarm() { step_ = nullptr; }

 private:
  int opened_ = 0;
  int at_ = 0;
  std::function<void()> step_;
};

// What was committed before the reader asked is seen, wherever between its looks at the files the
// writer commits once more and empties the log.
TEST_F(SqlFiles, FollowerNeverMissesACommitForACheckpoint) {
  const auto writer = opened(real_, path_);
  run(*writer, kTable);
  int version = 0;
  const auto commit = [&] {
    ++version;
    run(*writer, fmt::format("BEGIN IMMEDIATE; INSERT INTO t VALUES ({0}, ''); "
                             "PRAGMA user_version = {0}; COMMIT",
                             version));
  };
  FilesWithAStep files(real_);
  Follower follower(files, path_);
  for (int nth = 0; nth < 12; ++nth) {
    commit();
    ASSERT_TRUE(follower.current().ok());
    commit();
    const int before = version;
    files.arm(nth, [&] {
      commit();
      ASSERT_TRUE(writer->checkpoint().ok());
    });
    const auto current = follower.current();
    files.disarm();
    ASSERT_TRUE(current.ok()) << current.error().message();
    auto select = (*current)->prepare("SELECT max(k) FROM t");
    ASSERT_TRUE(select.ok() && *select->step());
    EXPECT_GE(select->integer(0), before) << nth;
  }
}

// Each transaction gives all rows one value, so that a mixture would show.
TEST_F(SqlFiles, FollowerSeesWholeAndLatestStates) {
  for (os::Files* files : {static_cast<os::Files*>(&real_), static_cast<os::Files*>(&through_)}) {
    const std::string path = path_ + (files == &real_ ? "1" : "2");
    const auto writer = opened(*files, path);
    run(*writer, kTable);
    // Enough pages for a checkpoint to be seen half done.
    for (int i = 0; i < 30; ++i)
      run(*writer, fmt::format("INSERT INTO t VALUES ({}, '0{}')", i, std::string(3000, 'x')));
    std::atomic<int> acknowledged = 0;
    std::atomic<bool> stop = false;
    std::thread writing([&] {
      for (int i = 1; !stop; ++i) {
        run(*writer,
            fmt::format(
                "BEGIN IMMEDIATE; UPDATE t SET v = '{}{}'; PRAGMA user_version = {}; COMMIT", i,
                std::string(3000, 'x'), i));
        acknowledged = i;
        if (i % 3 == 0) {
          EXPECT_TRUE(writer->checkpoint().ok());
        }
      }
    });
    Follower follower(real_, path);
    int seen = 0;
    int changes = 0;
    for (int reads = 0; changes < 40 && !HasFailure(); ++reads) {
      const int before = acknowledged;
      const auto current = follower.current();
      if (!current.ok()) {
        EXPECT_EQ(current.error().code(), Code::unavailable) << current.error().message();
        continue;
      }
      auto select = (*current)->prepare(
          "SELECT min(CAST(v AS INTEGER)), max(CAST(v AS INTEGER)), count(*) FROM t");
      ASSERT_TRUE(select.ok() && *select->step());
      const auto value = static_cast<int>(select->integer(0));
      EXPECT_EQ(select->integer(1), value);
      EXPECT_EQ(select->integer(2), 30);
      EXPECT_GE(value, before);
      EXPECT_GE(value, seen);
      changes += value > seen ? 1 : 0;
      seen = value;
    }
    stop = true;
    writing.join();
  }
}

TEST_F(SqlFiles, FollowerReadsWhatADeadWriterLeftAndChangesNothing) {
  const std::string copy = temporary_.path() + "/copy";
  std::string rows;
  {
    const auto writer = opened(real_, path_);
    fill(*writer, 20);
    ASSERT_TRUE(*writer->checkpoint());
    run(*writer, "UPDATE t SET v = 'new' WHERE k = 3");
    rows = *rows_of(*writer);
    std::filesystem::create_directory(copy);
    for (const char* suffix : {"", "-wal"})  // and no -shm
      std::filesystem::copy_file(path_ + suffix, copy + "/x" + suffix);
  }
  const std::string log = read_file(copy + "/x-wal");
  for (int round = 0; round < 2; ++round) {
    Follower follower(real_, copy + "/x");
    const auto current = follower.current();
    ASSERT_TRUE(current.ok()) << current.error().message();
    EXPECT_EQ(*rows_of(**current), rows);
    EXPECT_FALSE((*current)->execute("DELETE FROM t", "changing").ok());
    EXPECT_EQ(real_.list(copy)->size(), round == 0 ? 2u : 1u);
    if (round == 0) {
      EXPECT_EQ(read_file(copy + "/x-wal"), log);
    }
    opened(real_, copy + "/x").reset();  // recovers, and takes the log away
  }
  Follower nowhere(real_, copy + "/y");
  EXPECT_EQ(nowhere.current().error().code(), Code::not_found);
  EXPECT_FALSE(*real_.exists(copy + "/y"));
}

TEST_F(SqlFiles, NewerFormatIsRefusedUntouched) {
  run(*opened(real_, path_), fmt::format("PRAGMA application_id = {}", kApplicationId + 1));
  const std::string before = read_file(path_);
  const auto refused = Database::open(real_, path_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::failed_precondition);
  EXPECT_THAT(refused.error().message(), HasSubstr("newer"));
  EXPECT_EQ(read_file(path_), before);
}

}  // namespace
}  // namespace viridian::sql
