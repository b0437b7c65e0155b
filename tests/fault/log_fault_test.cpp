#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <new>
#include <optional>
#include <random>
#include <thread>

#include "conformance/random_batches.h"
#include "log/local_log.h"
#include "os/faulty_files.h"
#include "os/forwarding_files.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"

// Promise 1: an acknowledged write is there after whatever happened to the disk's calls; an
// unacknowledged one is there whole or not at all.
namespace viridian::local {
namespace {

using os::FaultyFiles;
using os::FileCalls;

constexpr size_t kNoLimit = size_t{1} << 40;
const Log::Options kOptions = {.segment_bytes = 1'500, .cache_bytes = 0, .open_files = 1};

/// Begins a log, appends, trims, forgets others and reopens through files that fail; remembers what
/// was acknowledged.
class Workload {
 public:
  /// The log begins after number `after`.
  Workload(uint64_t seed, SeqId after) : random_(seed), after_(after) {}

  void run(os::Files& files, const std::string& directory) {
    for (int round = 0; round < 3; ++round) {
      const auto log = Log::open(files, directory, kOptions);
      if (!log.ok()) continue;
      if (round == 0 && after_ > 0 && (*log)->start_after(Context(), id_, after_).ok()) {
        trimmed_ = after_;
        begun_ = true;
      }
      if (round == 0) (void)(*log)->append(Context(), other_, one_);
      for (int i = 0; i < 6; ++i) append(**log);
      if (round == 1 && (*log)->retain(Context(), {id_}).ok()) other_gone_ = true;
      (void)(*log)->read(Context(), id_, trimmed_, kNoLimit);  // may fail, must do no harm
      if (acknowledged_.empty()) continue;
      const SeqId up_to = acknowledged_[acknowledged_.size() / 2].last_seq();
      (void)(*log)->trim(Context(), id_, up_to);
      trimmed_ = std::max(trimmed_, up_to);
    }
  }

  void check(const std::string& directory) {
    os::RealFiles real;
    FaultyFiles files(real, FaultyFiles::Syncs::pretended);
    check_follower(files, directory);
    if (testing::Test::HasFatalFailure()) return;
    const auto log = Log::open(files, directory, kOptions).value();
    const SeqId from = beginning(*log);
    const auto found = log->read(Context(), id_, from, kNoLimit);
    ASSERT_TRUE(found.ok()) << found.error().message();
    std::vector<SharedBatch> unknown = refused_;
    for (const LogBatch& batch : *found) {
      const auto expected =
          std::find_if(acknowledged_.begin(), acknowledged_.end(),
                       [&](const LogBatch& held) { return held.first_seq == batch.first_seq; });
      if (expected != acknowledged_.end()) {
        ASSERT_EQ(*batch.batch, *expected->batch);
        continue;
      }
      const auto whole = std::find_if(unknown.begin(), unknown.end(), [&](const SharedBatch& held) {
        return *held == *batch.batch;
      });
      ASSERT_NE(whole, unknown.end()) << "nobody appended this";
      unknown.erase(whole);
    }
    for (const LogBatch& batch : acknowledged_) {
      if (batch.last_seq() <= trimmed_) continue;
      ASSERT_TRUE(
          std::any_of(found->begin(), found->end(),
                      [&](const LogBatch& held) { return held.first_seq == batch.first_seq; }))
          << "acknowledged record " << batch.first_seq << " is gone";
    }
    const SeqId last = log->last(Context(), id_).value();
    ASSERT_GE(last, acknowledged_.empty() ? 0 : acknowledged_.back().last_seq());
    ASSERT_GE(last, begun_ ? after_ : 0);
    if (other_gone_) {
      ASSERT_EQ(log->last(Context(), other_).value(), 0u);
    }
    ASSERT_EQ(log->append(Context(), id_, one_).value(), last + 1);
  }

 private:
  /// A log whose beginning in the middle was not acknowledged may begin there all the same.
  template <class AnyLog>
  SeqId beginning(AnyLog& log) {
    const auto all = log.read(Context(), id_, trimmed_, 1);
    const bool later = !all.ok() && all.error().code() == Code::out_of_range;
    return later ? std::max(trimmed_, after_) : trimmed_;
  }

  void check_follower(os::Files& files, const std::string& directory) {
    LogFollower follower(files, directory);
    const auto found = follower.read(Context(), id_, beginning(follower), kNoLimit);
    ASSERT_TRUE(found.ok()) << found.error().message();
    for (const LogBatch& batch : acknowledged_) {
      if (batch.last_seq() <= trimmed_) continue;
      const auto seen = std::find_if(found->begin(), found->end(), [&](const LogBatch& held) {
        return held.first_seq == batch.first_seq;
      });
      ASSERT_NE(seen, found->end()) << "no follower sees acknowledged record " << batch.first_seq;
      ASSERT_EQ(*seen->batch, *batch.batch);
    }
  }

  void append(Log& log) {
    const auto batch = std::make_shared<const RecordBatch>(conformance::random_batch(random_, 4));
    const auto number = log.append(Context(), id_, batch);
    if (number.ok())
      acknowledged_.push_back({*number - batch->rows() + 1, batch});
    else
      refused_.push_back(batch);
  }

  std::mt19937_64 random_;
  const SeqId after_;
  bool begun_ = false;
  bool other_gone_ = false;
  CollectionId id_ = Uuid::random();
  CollectionId other_ = Uuid::random();
  std::vector<LogBatch> acknowledged_;
  std::vector<SharedBatch> refused_;
  SeqId trimmed_ = 0;
  SharedBatch one_ = [] {
    RecordBatch batch;
    batch.ids = {"one"};
    return std::make_shared<const RecordBatch>(std::move(batch));
  }();
};

void fail_every_call(os::FaultyFiles::Fault fault, SeqId after) {
  bool struck = true;
  for (fault.nth = 1; struck; ++fault.nth) {
    os::TemporaryDirectory directory;
    os::RealFiles real;
    FaultyFiles files(real, FaultyFiles::Syncs::pretended);
    files.fail(fault);
    Workload workload(fault.nth, after);
    workload.run(files, directory.path());
    struck = files.struck();
    SCOPED_TRACE(testing::Message() << "call " << fault.nth << " partial " << fault.partial_write
                                    << " later " << fault.every_later << " after " << after);
    workload.check(directory.path());
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(LogFaults, EveryCallMayFailOnceOrFromThereOn) {
  for (const Code code : {Code::resource_exhausted, Code::data_loss})
    for (const bool every_later : {false, true})
      for (const size_t partial : {0u, 30u, 100u, 1'000u})
        fail_every_call({.code = code, .every_later = every_later, .partial_write = partial}, 0);
}

TEST(LogFaults, EveryCallMayFailForALogThatBeginsInTheMiddle) {
  for (const Code code : {Code::resource_exhausted, Code::data_loss})
    for (const bool every_later : {false, true})
      fail_every_call({.code = code, .every_later = every_later, .partial_write = 60}, 41);
}

/// Files whose calls can be made to stop, to fail or to throw at chosen places.
class HookedFiles final : public os::ForwardingFiles {
 public:
  using os::ForwardingFiles::ForwardingFiles;

  Result<std::unique_ptr<os::File>> open(const std::string& path, os::OpenMode mode) override {
    if (std::exchange(throw_at_open, false)) throw std::bad_alloc();
    VIRIDIAN_TRY(auto file, inner_.open(path, mode));
    return std::unique_ptr<os::File>(std::make_unique<Hooked>(*this, std::move(file)));
  }
  Status sync_directory(const std::string& path) override {
    const auto hook = std::exchange(at_sync_directory, nullptr);
    synced.push_back(path);
    return hook ? hook() : ok_status();
  }

  bool throw_at_open = false;
  bool throw_after_write = false;
  std::function<Status()> at_sync_directory;  // the next one's outcome
  std::vector<std::string> synced;            // directories

 private:
  class Hooked final : public os::ForwardingFile {
   public:
    Hooked(HookedFiles& files, std::unique_ptr<os::File> inner)
        : os::ForwardingFile(std::move(inner)), files_(files) {}
    Status write_at(uint64_t offset, std::span<const os::Bytes> parts) override {
      VIRIDIAN_TRY_VOID(inner_->write_at(offset, parts));
      if (std::exchange(files_.throw_after_write, false)) throw std::bad_alloc();
      return ok_status();
    }
    Status sync() override { return ok_status(); }

   private:
    HookedFiles& files_;
  };
};

class LogHookTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    log_.reset();
    log_ = Log::open(files_, directory_.path(), {}).value();
  }
  Result<SeqId> append() {
    RecordBatch batch;
    batch.ids = {"x"};
    return log_->append(Context::with_timeout(std::chrono::seconds(30)), id_,
                        std::make_shared<RecordBatch>(std::move(batch)));
  }
  os::TemporaryDirectory directory_;
  os::RealFiles real_;
  HookedFiles files_{real_};
  std::unique_ptr<Log> log_;
  CollectionId id_ = Uuid::random();
};

// It had passed the check of appends before the trim refused the writes.
TEST_F(LogHookTest, AppendQueuedBehindATrimThatRefusesWritesIsRefused) {
  ASSERT_TRUE(append().ok());
  std::promise<void> in_sync;
  std::promise<void> go_on;
  files_.at_sync_directory = [&]() -> Status {
    in_sync.set_value();
    go_on.get_future().wait();
    return Error(Code::data_loss, "injected");
  };
  std::thread trimmer([&] { EXPECT_FALSE(log_->trim(Context(), id_, 1).ok()); });
  in_sync.get_future().wait();
  std::thread appender([&] { EXPECT_FALSE(append().ok()); });
  // Nothing tells when it is queued. Too short only makes the test weaker.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  go_on.set_value();
  trimmer.join();
  appender.join();
  open();
  EXPECT_EQ(append().value(), 2u);
}

TEST_F(LogHookTest, ExceptionBeforeTheWriteGivesTheRoleBack) {
  files_.throw_at_open = true;
  EXPECT_EQ(append().error().code(), Code::resource_exhausted);
  EXPECT_EQ(append().value(), 1u);
  open();
  files_.throw_at_open = true;
  EXPECT_EQ(append().error().code(), Code::resource_exhausted) << "while opening";
  EXPECT_EQ(append().value(), 2u);
}

TEST_F(LogHookTest, ExceptionInTheWriteClosesTheTopicForWrites) {
  ASSERT_EQ(append().value(), 1u);
  files_.throw_after_write = true;
  EXPECT_EQ(append().error().code(), Code::data_loss);
  EXPECT_EQ(append().error().code(), Code::data_loss);
  EXPECT_EQ(log_->last(Context(), id_).value(), 1u);
  open();
  EXPECT_EQ(append().value(), 2u);
}

// A process killed between making a directory and syncing it leaves one that only looks durable.
TEST_F(LogHookTest, FirstAppendAfterAStartSyncsTheDirectoriesOnce) {
  ASSERT_TRUE(append().ok());
  open();
  files_.synced.clear();
  EXPECT_EQ(log_->last(Context(), id_).value(), 1u);
  EXPECT_TRUE(files_.synced.empty());
  ASSERT_TRUE(append().ok());
  ASSERT_TRUE(append().ok());
  const std::vector<std::string> both = {os::join(directory_.path(), id_.to_string()),
                                         directory_.path()};
  EXPECT_EQ(files_.synced, both);
  open();
  files_.at_sync_directory = [] { return Status(Error(Code::data_loss, "injected")); };
  EXPECT_EQ(append().error().code(), Code::data_loss);
  EXPECT_EQ(append().error().code(), Code::data_loss);
}

class LogFaultTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    log_.reset();
    log_ = Log::open(files_, directory_.path(), {}).value();
  }
  Result<SeqId> append(const CollectionId& collection) {
    RecordBatch batch;
    batch.ids = {"x"};
    return log_->append(Context(), collection, std::make_shared<RecordBatch>(std::move(batch)));
  }
  os::TemporaryDirectory directory_;
  os::RealFiles real_;
  FaultyFiles files_{real_, FaultyFiles::Syncs::pretended};
  std::unique_ptr<Log> log_;
  CollectionId a_ = Uuid::random();
  CollectionId b_ = Uuid::random();
};

TEST_F(LogFaultTest, FullDiskRefusesTheBatchAndTheNextOneMayFit) {
  ASSERT_EQ(append(a_).value(), 1u);
  const std::string path = directory_.path() + "/" + a_.to_string() + "/" + log::log_file_name(1);
  const uint64_t size = real_.map(path).value()->bytes().size();
  files_.fail({.calls = FileCalls::write, .code = Code::resource_exhausted, .partial_write = 60});
  EXPECT_EQ(append(a_).error().code(), Code::resource_exhausted);
  EXPECT_EQ(log_->last(Context(), a_).value(), 1u);
  EXPECT_EQ(real_.map(path).value()->bytes().size(), size) << "what was written is given back";
  EXPECT_EQ(append(a_).value(), 2u);
  open();
  EXPECT_EQ(log_->read(Context(), a_, 0, kNoLimit).value().size(), 2u);
}

// After a failed sync the kernel may call lost pages clean: trying again would lie.
TEST_F(LogFaultTest, FailedSyncClosesThatCollectionUntilItIsReopened) {
  ASSERT_TRUE(append(a_).ok());
  ASSERT_TRUE(append(b_).ok());
  files_.fail({.calls = FileCalls::sync, .code = Code::data_loss});
  EXPECT_EQ(append(a_).error().code(), Code::data_loss);
  const uint64_t syncs = files_.count(FileCalls::sync);
  EXPECT_EQ(append(a_).error().code(), Code::data_loss);
  EXPECT_EQ(files_.count(FileCalls::sync), syncs);
  EXPECT_EQ(log_->read(Context(), a_, 0, kNoLimit).value().size(), 1u);
  EXPECT_TRUE(append(b_).ok());
  open();
  EXPECT_EQ(append(a_).value(), 2u);
}

TEST_F(LogFaultTest, FailedSyncWhileOpeningIsNotTriedAgain) {
  ASSERT_TRUE(append(a_).ok());
  open();
  files_.fail({.calls = FileCalls::sync, .code = Code::data_loss});
  EXPECT_EQ(log_->last(Context(), a_).error().code(), Code::data_loss);
  EXPECT_EQ(log_->last(Context(), a_).error().code(), Code::data_loss);
  open();
  EXPECT_EQ(log_->last(Context(), a_).value(), 1u);
}

TEST_F(LogFaultTest, FailedOpeningIsTriedAgain) {
  ASSERT_TRUE(append(a_).ok());
  open();
  files_.fail({.calls = FileCalls::list, .code = Code::resource_exhausted});
  EXPECT_EQ(log_->last(Context(), a_).error().code(), Code::resource_exhausted);
  EXPECT_EQ(log_->last(Context(), a_).value(), 1u);
}

TEST_F(LogFaultTest, LogThatCouldNotBeginMayBeBegunAgain) {
  bool struck = true;
  for (uint64_t nth = 1; struck; ++nth) {
    const CollectionId id = Uuid::random();
    open();
    // Failed syncs of directories are final until the next start.
    const FileCalls calls = FileCalls::open | FileCalls::truncate | FileCalls::list;
    files_.fail({.calls = calls, .nth = nth, .code = Code::resource_exhausted});
    const Status begun = log_->start_after(Context(), id, 7);
    struck = files_.struck();
    files_.clear();
    ASSERT_EQ(begun.ok(), !struck);
    if (struck) {
      ASSERT_EQ(log_->last(Context(), id).value(), 0u) << "nothing of it is left";
      ASSERT_TRUE(log_->start_after(Context(), id, 7).ok()) << nth;
    }
    ASSERT_EQ(append(id).value(), 8u);
    open();
    ASSERT_EQ(log_->last(Context(), id).value(), 8u);
  }
}

// Bytes of a mark say nothing new: without them the batch is as durable as with them.
TEST_F(LogFaultTest, MarkThatCannotBeWrittenFailsNoAppend) {
  ASSERT_TRUE(append(a_).ok());
  for (SeqId number = 2; number < 6; ++number) {
    files_.fail({.calls = FileCalls::write,
                 .nth = 2,
                 .code = Code::resource_exhausted,
                 .partial_write = 20});
    EXPECT_EQ(append(a_).value(), number);
    EXPECT_TRUE(files_.struck());
  }
  open();
  EXPECT_EQ(append(a_).value(), 6u);
  EXPECT_EQ(log_->read(Context(), a_, 0, kNoLimit).value().size(), 6u);
}

TEST_F(LogFaultTest, FailedRetainMayBeTriedAgainAndLeavesNothing) {
  ASSERT_TRUE(append(a_).ok());
  ASSERT_TRUE(append(b_).ok());
  files_.fail({.calls = FileCalls::remove, .code = Code::permission_denied});
  EXPECT_EQ(log_->retain(Context(), {b_}).error().code(), Code::permission_denied);
  EXPECT_EQ(log_->topics(), 1u);
  EXPECT_EQ(log_->last(Context(), a_).error().code(), Code::not_found);
  EXPECT_EQ(append(b_).value(), 2u);
  EXPECT_TRUE(log_->retain(Context(), {b_}).ok());
  EXPECT_EQ(log_->last(Context(), a_).value(), 0u);
  EXPECT_EQ(append(a_).value(), 1u);
}

TEST_F(LogFaultTest, FailedDropMayBeTriedAgain) {
  ASSERT_TRUE(append(a_).ok());
  files_.fail({.calls = FileCalls::remove, .code = Code::permission_denied});
  EXPECT_EQ(log_->drop(Context(), a_).error().code(), Code::permission_denied);
  EXPECT_EQ(append(a_).error().code(), Code::not_found);
  EXPECT_TRUE(log_->drop(Context(), a_).ok());
  EXPECT_EQ(append(a_).value(), 1u);
}

}  // namespace
}  // namespace viridian::local
