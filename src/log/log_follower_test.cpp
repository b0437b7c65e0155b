#include "log/log_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <thread>

#include "conformance/random_batches.h"
#include "log/frame.h"
#include "log/local_log.h"
#include "os/faulty_files.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "os/test_files.h"

namespace viridian::local {
namespace {

namespace fs = std::filesystem;
using os::read_file;
using os::write_file;

constexpr size_t kNoLimit = size_t{1} << 40;

class LogFollowerTest : public ::testing::Test {
 protected:
  void SetUp() override { open({}); }
  void open(const Log::Options& options) {
    log_.reset();
    log_ = Log::open(files_, directory_.path(), options).value();
  }
  std::string file_path(SeqId first_seq = 1) const {
    return os::join(os::join(directory_.path(), id_.to_string()), log::log_file_name(first_seq));
  }
  SharedBatch batch(size_t rows = 3) {
    return std::make_shared<const RecordBatch>(conformance::random_batch(random_, rows));
  }
  SeqId append(const SharedBatch& batch) { return log_->append(Context(), id_, batch).value(); }
  void fill(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const SharedBatch next = batch();
      expected_.push_back({append(next) - next->rows() + 1, next});
    }
  }
  Result<SeqId> last() { return follower_.last(Context(), id_); }
  Result<std::vector<LogBatch>> read(SeqId after) {
    return follower_.read(Context(), id_, after, kNoLimit);
  }
  void expect_all(SeqId after, size_t from) {
    const auto found = read(after);
    ASSERT_TRUE(found.ok()) << found.error().message();
    ASSERT_EQ(found->size(), expected_.size() - from);
    for (size_t i = 0; i < found->size(); ++i) {
      ASSERT_EQ((*found)[i].first_seq, expected_[from + i].first_seq);
      ASSERT_EQ(*(*found)[i].batch, *expected_[from + i].batch);
    }
  }
  /// The last batch's frame, without the mark behind it.
  std::string without_last_mark() const {
    std::string bytes = read_file(file_path());
    bytes.resize(bytes.size() - log::kFrameHeaderBytes);
    return bytes;
  }

  os::TemporaryDirectory directory_;
  os::RealFiles real_;
  os::FaultyFiles files_{real_, os::FaultyFiles::Syncs::pretended};
  std::unique_ptr<Log> log_;
  LogFollower follower_{files_, directory_.path()};
  CollectionId id_ = Uuid::random();
  std::mt19937_64 random_{11};
  std::vector<LogBatch> expected_;
};

TEST_F(LogFollowerTest, AcknowledgedRecordsAreThereAtOnce) {
  EXPECT_EQ(last().value(), 0u);
  EXPECT_TRUE(read(0).value().empty());
  for (int i = 0; i < 40; ++i) {
    fill(1);
    ASSERT_EQ(last().value(), expected_.back().last_seq());
    expect_all(0, 0);
    expect_all(expected_.back().first_seq - 1, expected_.size() - 1);
  }
}

TEST_F(LogFollowerTest, WritesAreRefusedAndNothingIsMade) {
  const std::string nowhere = directory_.path() + "/nowhere";
  const auto follower = Log::follow(files_, nowhere);
  ASSERT_TRUE(follower->start(Context()).ok());
  const auto refused = [](const auto& result) {
    return !result.ok() && result.error().code() == Code::permission_denied;
  };
  EXPECT_TRUE(refused(follower->append(Context(), id_, batch())));
  EXPECT_TRUE(refused(follower->start_after(Context(), id_, 4)));
  EXPECT_TRUE(refused(follower->trim(Context(), id_, 4)));
  EXPECT_TRUE(refused(follower->drop(Context(), id_)));
  EXPECT_TRUE(refused(follower->retain(Context(), {})));
  EXPECT_EQ(follower->last(Context(), id_).value(), 0u);
  EXPECT_TRUE(follower->read(Context(), id_, 0, kNoLimit).value().empty());
  EXPECT_FALSE(fs::exists(nowhere));
}

TEST_F(LogFollowerTest, FollowsRollsTrimsDropsAndLogsThatBeginInTheMiddle) {
  open({.segment_bytes = 900});
  fill(10);
  expect_all(0, 0);
  const SeqId middle = expected_[5].last_seq();
  ASSERT_TRUE(log_->trim(Context(), id_, middle).ok());
  expect_all(middle, 6);
  EXPECT_EQ(read(0).error().code(), Code::out_of_range);
  const SeqId end = expected_.back().last_seq();
  ASSERT_TRUE(log_->trim(Context(), id_, end).ok());
  EXPECT_EQ(last().value(), end);
  EXPECT_TRUE(read(end).value().empty());
  EXPECT_EQ(read(middle).error().code(), Code::out_of_range);
  fill(3);
  expect_all(end, 10);
  ASSERT_TRUE(log_->drop(Context(), id_).ok());
  EXPECT_EQ(last().value(), 0u);
  EXPECT_TRUE(read(end).value().empty());
  ASSERT_TRUE(log_->start_after(Context(), id_, 1000).ok());
  EXPECT_EQ(last().value(), 1000u);
  EXPECT_EQ(read(999).error().code(), Code::out_of_range);
}

TEST_F(LogFollowerTest, WaitReturnsOnceTheWriterHasAppended) {
  fill(1);
  std::thread writer([&] { append(batch(1)); });
  EXPECT_TRUE(
      follower_
          .wait(Context::with_timeout(std::chrono::minutes(1)), id_, expected_.back().last_seq())
          .ok());
  writer.join();
  EXPECT_EQ(
      follower_.wait(Context::with_timeout(std::chrono::milliseconds(0)), id_, 1000).error().code(),
      Code::deadline_exceeded);
}

TEST_F(LogFollowerTest, HalfWrittenGroupIsNotThereYetAndNoDamage) {
  fill(2);
  const size_t before = read_file(file_path()).size();
  fill(1);
  const std::string whole = read_file(file_path());
  for (size_t size = before; size < whole.size() - log::kFrameHeaderBytes;
       size += 1 + random_() % 9) {
    write_file(file_path(), whole.substr(0, before));
    LogFollower follower(files_, directory_.path());
    ASSERT_EQ(follower.last(Context(), id_).value(), expected_[1].last_seq());
    // Its bytes may also be there in any order, as zeros that are written later.
    for (const std::string& rest : {std::string(), std::string(whole.size() - size, '\0')}) {
      write_file(file_path(), whole.substr(0, size) + rest);
      ASSERT_EQ(follower.last(Context(), id_).value(), expected_[1].last_seq()) << size;
      ASSERT_TRUE(follower.read(Context(), id_, expected_[1].last_seq(), 1).value().empty());
    }
    write_file(file_path(), whole);
    ASSERT_EQ(follower.last(Context(), id_).value(), expected_[2].last_seq());
    ASSERT_EQ(follower.read(Context(), id_, expected_[1].last_seq(), 1).value().size(), 1u);
  }
}

// After a loss of power nobody is there to say that the last group was durable.
TEST_F(LogFollowerTest, GroupThatNothingProvesIsShownOnceItIsSynced) {
  fill(3);
  log_.reset();
  write_file(file_path(), without_last_mark());
  const uint64_t syncs = files_.count(os::FileCalls::sync);
  EXPECT_EQ(last().value(), expected_[2].last_seq());
  expect_all(0, 0);
  EXPECT_EQ(files_.count(os::FileCalls::sync), syncs + 1);
}

TEST_F(LogFollowerTest, GroupWithoutProofIsShownAfterAWhileAndNeverVanishes) {
  fill(1);
  const std::string first = read_file(file_path());
  fill(1);
  const std::string second = without_last_mark();
  write_file(file_path(), first);
  EXPECT_EQ(last().value(), expected_[0].last_seq());
  write_file(file_path(), second);
  EXPECT_EQ(last().value(), expected_[0].last_seq()) << "its writer may be about to sync it";
  ASSERT_TRUE(
      follower_.wait(Context::with_timeout(std::chrono::minutes(1)), id_, expected_[0].last_seq())
          .ok());
  expect_all(0, 0);
  open({});  // a writer comes, and says that it is durable
  EXPECT_EQ(last().value(), expected_[1].last_seq());
  fill(2);
  expect_all(0, 0);
}

TEST_F(LogFollowerTest, RecordsTakenBackAreReportedToWhoSawThem) {
  fill(2);
  log_.reset();
  const std::string seen = without_last_mark();
  write_file(file_path(), seen);
  expect_all(0, 0);
  // The writer's sync failed, and other records have the numbers now.
  const SeqId proven = expected_[0].last_seq();
  const SeqId vanished = expected_[1].last_seq();
  const auto is_batch_two = [&](const std::string& bytes) {
    return log::parse_frame(os::as_bytes(seen).subspan(bytes.size())).frame.first_seq == proven + 1;
  };
  std::string good = seen;
  while (good.empty() || !is_batch_two(good)) good.resize(good.size() - 8);
  write_file(file_path(), good);
  open({});
  expected_.pop_back();
  while (last().value() < vanished) fill(1);
  EXPECT_EQ(read(vanished).error().code(), Code::out_of_range);
  EXPECT_EQ(read(vanished).error().code(), Code::out_of_range);
  expect_all(proven, 1);
  EXPECT_TRUE(read(vanished).ok());
}

// It cannot be told from such a sync whether what was trimmed is what was seen.
TEST_F(LogFollowerTest, WhoSawRecordsThatAreTrimmedBeforeTheirProofBeginsAnewOnce) {
  fill(2);
  log_.reset();
  const std::string whole = read_file(file_path());
  write_file(file_path(), without_last_mark());
  const SeqId end = expected_[1].last_seq();
  EXPECT_EQ(last().value(), end);
  write_file(file_path(), whole);
  open({});
  ASSERT_TRUE(log_->trim(Context(), id_, end).ok());
  EXPECT_EQ(read(end).error().code(), Code::out_of_range);
  follower_.forget_reader(id_);
  const auto anew = read(end);
  ASSERT_TRUE(anew.ok()) << anew.error().message();
  EXPECT_TRUE(anew->empty());
  fill(1);
  expect_all(end, 2);
}

TEST_F(LogFollowerTest, DamageIsReportedWhereItIs) {
  fill(6);
  std::string bytes = read_file(file_path());
  const size_t at = log::parse_frame(os::as_bytes(bytes)).size + log::kFrameHeaderBytes + 60;
  bytes[at] = static_cast<char>(bytes[at] ^ 4);
  write_file(file_path(), bytes);
  EXPECT_EQ(last().value(), expected_.back().last_seq());
  EXPECT_EQ(read(0).value().size(), 1u);
  EXPECT_EQ(read(expected_[0].last_seq()).error().code(), Code::data_loss);
  expect_all(expected_[1].last_seq(), 2);
  EXPECT_EQ(read_file(file_path()), bytes);
}

/// Real files; something happens between the first two reads of one.
class InterruptedFiles final : public os::Files {
 public:
  class Interrupted final : public os::File {
   public:
    Interrupted(InterruptedFiles& files, std::unique_ptr<os::File> inner)
        : files_(files), inner_(std::move(inner)) {}
    Result<size_t> read_at(uint64_t offset, std::span<std::byte> buffer) const override {
      auto got = inner_->read_at(offset, buffer);
      if (const auto happens = std::exchange(files_.after_read, nullptr)) happens();
      return got;
    }
    Status write_at(uint64_t, std::span<const os::Bytes>) override { return refused(); }
    Status sync() override { return ok_status(); }
    Status truncate(uint64_t) override { return refused(); }
    Status reserve(uint64_t) override { return refused(); }
    Result<uint64_t> size() const override { return inner_->size(); }

   private:
    InterruptedFiles& files_;
    std::unique_ptr<os::File> inner_;
  };
  Result<std::unique_ptr<os::File>> open(const std::string& path, os::OpenMode mode) override {
    if (mode != os::OpenMode::read) return refused();
    VIRIDIAN_TRY(auto file, inner_.open(path, mode));
    return std::unique_ptr<os::File>(std::make_unique<Interrupted>(*this, std::move(file)));
  }
  Result<std::unique_ptr<os::Mapping>> map(const std::string& path) override {
    return inner_.map(path);
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    return inner_.list(path);
  }
  Result<bool> exists(const std::string& path) override { return inner_.exists(path); }
  Status make_directories(const std::string&) override { return refused(); }
  Status rename(const std::string&, const std::string&) override { return refused(); }
  Status link(const std::string&, const std::string&) override { return refused(); }
  Status remove(const std::string&) override { return refused(); }
  Status remove_all(const std::string&) override { return refused(); }
  Status sync_directory(const std::string&) override { return refused(); }
  Result<std::unique_ptr<os::Lock>> lock(const std::string&, std::string_view) override {
    return refused();
  }

  std::function<void()> after_read;

 private:
  static Error refused() { return Error(Code::internal, "a follower changes nothing"); }
  os::RealFiles inner_;
};

// A group that met a full disk is cut off and another takes its place, while a follower is between
// two looks at it: what was bad is proven to have been durable a moment later.
TEST_F(LogFollowerTest, GroupReplacedWhileItIsLookedAtIsNoDamage) {
  fill(1);
  const std::string before = read_file(file_path());
  RecordBatch large;
  large.ids = {std::string(400'000, 'x')};
  const SharedBatch next = std::make_shared<const RecordBatch>(std::move(large));
  expected_.push_back({append(next), next});
  const std::string after = read_file(file_path());
  InterruptedFiles files;
  LogFollower follower(files, directory_.path());
  write_file(file_path(), before);
  ASSERT_EQ(follower.last(Context(), id_).value(), expected_[0].last_seq());
  write_file(file_path(), before + std::string(after.size(), '\0'));
  files.after_read = [&] { write_file(file_path(), after); };
  ASSERT_EQ(follower.last(Context(), id_).value(), expected_[1].last_seq());
  EXPECT_EQ(files.after_read, nullptr);
  const auto read = follower.read(Context(), id_, expected_[0].last_seq(), kNoLimit);
  ASSERT_TRUE(read.ok()) << read.error().message();
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(*read->front().batch, *next);
}

/// Reads as far as the writer has come, and begins anew behind what was trimmed.
void follow(LogFollower& follower, const CollectionId& id, const std::atomic<SeqId>& acknowledged,
            const std::atomic<SeqId>& trimmed, const std::atomic<bool>& done,
            std::map<SeqId, SharedBatch>& seen) {
  SeqId at = 0;
  while (true) {
    const bool finished = done;
    const SeqId known = acknowledged;
    const auto last = follower.last(Context(), id);
    ASSERT_TRUE(last.ok()) << last.error().message();
    ASSERT_GE(*last, known) << "acknowledged, and not there";
    const auto read = follower.read(Context(), id, at, 3'000);
    if (!read.ok()) {
      ASSERT_EQ(read.error().code(), Code::out_of_range) << read.error().message();
      // A look at a file that goes in that moment may be told so at its very end, too.
      ASSERT_LE(at, trimmed.load());
      follower.forget_reader(id);
      at = trimmed;
      continue;
    }
    for (const LogBatch& batch : *read) {
      if (batch.last_seq() <= at) continue;
      // It may begin before `at`, which trimming left between two batches or within one.
      ASSERT_LE(batch.first_seq, at + 1) << "a gap";
      at = batch.last_seq();
      seen[batch.first_seq] = batch.batch;
    }
    if (finished && read->empty()) break;
  }
  ASSERT_EQ(at, acknowledged.load());
}

TEST_F(LogFollowerTest, FollowersOfABusyWriterSeeEveryRecordOnceAndRight) {
  for (const uint64_t segment_bytes : {600u, 5'000u, 1'000'000u}) {
    id_ = Uuid::random();
    open({.segment_bytes = segment_bytes, .cache_bytes = 0});
    std::atomic<SeqId> acknowledged = 0;
    std::atomic<SeqId> trimmed = 0;
    std::atomic<bool> done = false;
    std::vector<std::map<SeqId, SharedBatch>> seen(3);
    std::vector<std::thread> followers;
    // Two share one follower; the third has its own, as another process would.
    LogFollower other(files_, directory_.path());
    for (size_t i = 0; i < seen.size(); ++i) {
      followers.emplace_back([&, i] {
        follow(i == 2 ? other : follower_, id_, acknowledged, trimmed, done, seen[i]);
      });
    }
    std::map<SeqId, SharedBatch> written;
    for (int i = 0; i < 400; ++i) {
      const SharedBatch next = batch(1 + random_() % 4);
      const SeqId number = append(next);
      written[number - next->rows() + 1] = next;
      acknowledged = number;
      if (random_() % 20 != 0) continue;
      const SeqId up_to = number - random_() % std::min<SeqId>(number, 20);
      trimmed = up_to;  // before it happens: nobody is told out_of_range for less
      ASSERT_TRUE(log_->trim(Context(), id_, up_to).ok());
    }
    done = true;
    for (std::thread& thread : followers) thread.join();
    for (const auto& found : seen) {
      ASSERT_FALSE(found.empty());
      for (const auto& [first_seq, batch] : found) {
        ASSERT_TRUE(written.contains(first_seq));
        ASSERT_EQ(*batch, *written[first_seq]);
      }
    }
  }
}

}  // namespace
}  // namespace viridian::local
