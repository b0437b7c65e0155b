#include "log/local_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>

#include "base/crc32c.h"
#include "codec/batch_codec.h"
#include "conformance/random_batches.h"
#include "log/frame.h"
#include "os/faulty_files.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "os/test_files.h"

namespace viridian::local {
namespace {

namespace fs = std::filesystem;
using os::read_file;
using os::write_file;
using ::testing::HasSubstr;

constexpr size_t kNoLimit = size_t{1} << 40;

class LocalLogTest : public ::testing::Test {
 protected:
  Log& open(Log::Options options = {}) {
    options.cache_bytes = 0;  // what is tested is the files
    log_.reset();
    log_ = Log::open(files_, directory_.path(), options).value();
    return *log_;
  }
  std::string topic_path() const { return os::join(directory_.path(), id_.to_string()); }
  std::string file_path(SeqId first_seq = 1) const {
    return os::join(topic_path(), log::log_file_name(first_seq));
  }
  SharedBatch batch(size_t rows = 3) {
    return std::make_shared<const RecordBatch>(conformance::random_batch(random_, rows));
  }
  Result<SeqId> append(const SharedBatch& batch) { return log_->append(Context(), id_, batch); }
  /// Appends batches to the log; remembers them.
  void fill(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const SharedBatch next = batch();
      expected_.push_back({append(next).value() - next->rows() + 1, next});
    }
  }
  Result<std::vector<LogBatch>> read(SeqId after) {
    return log_->read(Context(), id_, after, kNoLimit);
  }
  void expect_batches(const std::vector<LogBatch>& found, size_t first, size_t end) {
    ASSERT_EQ(found.size(), end - first);
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].first_seq, expected_[first + i].first_seq);
      ASSERT_EQ(*found[i].batch, *expected_[first + i].batch);
    }
  }
  struct Place {
    size_t begin = 0;
    size_t end = 0;
    bool holds(size_t at) const { return begin <= at && at < end; }
  };
  /// Where the batches are in some bytes of whole frames. Between them are marks.
  static std::vector<Place> batches_in(const std::string& bytes) {
    std::vector<Place> places;
    for (size_t at = 0; at < bytes.size();) {
      const log::ParsedFrame parsed = log::parse_frame(os::as_bytes(bytes).subspan(at));
      if (!parsed.frame.is_mark()) places.push_back({at, at + parsed.size});
      at += parsed.size;
    }
    return places;
  }
  static std::string flipped(std::string bytes, size_t at, int bit) {
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    return bytes;
  }
  static std::string frame(SeqId first_seq, SeqId durable_seq, const RecordBatch& batch,
                           uint64_t salt) {
    std::string payload = codec::encode_batch(batch);
    const size_t size = payload.size();
    payload.resize(log::padded_size(size));
    const auto header = log::make_frame_header(
        {first_seq, durable_seq, static_cast<uint32_t>(batch.rows()), salt, {}}, size,
        crc32c(0, os::as_bytes(payload)));
    return std::string(os::as_text(header)) + payload;
  }

  os::TemporaryDirectory directory_;
  os::RealFiles real_;
  os::FaultyFiles files_{real_, os::FaultyFiles::Syncs::pretended};
  std::unique_ptr<Log> log_;
  CollectionId id_ = Uuid::random();
  std::mt19937_64 random_{5};
  std::vector<LogBatch> expected_;
};

TEST_F(LocalLogTest, TornTailIsCutAtEveryByteOfTheLastFrame) {
  open();
  fill(4);
  const std::string good = read_file(file_path());
  const auto [last_frame, last_end] = batches_in(good).back();
  for (size_t size = last_frame; size < last_end; ++size) {
    for (const size_t zeros : {size_t{0}, good.size() - size, size_t{5'000}}) {
      const std::string torn = good.substr(0, size) + std::string(zeros, '\0');
      // Only zeros of the padding were missing.
      if (torn.starts_with(good.substr(0, last_end))) continue;
      log_.reset();
      write_file(file_path(), torn);
      open();
      ASSERT_EQ(log_->last(Context(), id_).value(), expected_[2].last_seq());
      ASSERT_EQ(fs::file_size(file_path()), last_frame);
      expect_batches(read(0).value(), 0, 3);
      if (size % 16 != 0) continue;
      ASSERT_EQ(append(expected_[3].batch).value(), expected_[3].last_seq());
      open();
      expect_batches(read(0).value(), 0, 4);
    }
  }
}

// The batches of one group are written together and none is acknowledged before all are durable.
// After a power failure a later one may be whole and an earlier one not: that is no damage.
TEST_F(LocalLogTest, GroupTornInTheMiddleIsCutAsAWhole) {
  const RecordBatch one = *batch();
  const std::string acknowledged = frame(1, 0, one, 77);
  const SeqId end = one.rows();
  std::string torn = frame(end + 1, end, one, 77);
  torn[torn.size() / 2] = static_cast<char>(torn[torn.size() / 2] ^ 1);
  const std::string whole = frame(2 * end + 1, end, one, 77);
  fs::create_directories(topic_path());
  write_file(file_path(), acknowledged + torn + whole);
  open();
  EXPECT_EQ(log_->last(Context(), id_).value(), end);
  EXPECT_EQ(fs::file_size(file_path()), acknowledged.size() + log::kFrameHeaderBytes);
  EXPECT_EQ(append(std::make_shared<RecordBatch>(one)).value(), 2 * end);
}

// A client can send the bytes of a frame as a document. In a torn tail they must not pass for one.
TEST_F(LocalLogTest, FramesInsidePayloadsAreNotFrames) {
  const RecordBatch one = *batch();
  const SeqId end = one.rows();
  const std::string acknowledged = frame(1, 0, one, 77);
  fs::create_directories(topic_path());
  for (size_t shift = 0; shift < 8; ++shift) {
    log_.reset();
    RecordBatch evil;
    evil.ids = {std::string(shift, 'x') + frame(end + 2, end + 1, one, 78)};
    std::string bytes = acknowledged + frame(end + 1, end, evil, 77);
    bytes[acknowledged.size()] = 0;  // its magic: nothing of the header is sound
    write_file(file_path(), bytes);
    open();
    EXPECT_EQ(log_->last(Context(), id_).value(), end);
    EXPECT_TRUE(append(batch()).ok());
  }
}

TEST_F(LocalLogTest, DamageInTheMiddleIsReportedAndNothingElseIsLost) {
  open();
  fill(6);
  const std::string good = read_file(file_path());
  const std::vector<Place> places = batches_in(good);
  for (size_t at = places[0].end; at < places[5].end; at += 1 + random_() % 40) {
    size_t hit = 1;
    while (places[hit].end <= at) ++hit;
    if (!places[hit].holds(at)) continue;
    log_.reset();
    const std::string bytes = flipped(good, at, static_cast<int>(random_() % 8));
    write_file(file_path(), bytes);
    open();
    expect_batches(read(0).value(), 0, hit);
    for (const SeqId after : {expected_[hit].first_seq - 1, expected_[hit].last_seq() - 1}) {
      const auto damaged = read(after);
      ASSERT_FALSE(damaged.ok());
      EXPECT_EQ(damaged.error().code(), Code::data_loss);
      EXPECT_THAT(damaged.error().message(), HasSubstr(file_path()));
      EXPECT_THAT(damaged.error().message(),
                  HasSubstr("offset " + std::to_string(places[hit].begin)));
      EXPECT_THAT(damaged.error().message(),
                  HasSubstr("records " + std::to_string(expected_[hit].first_seq) + " to " +
                            std::to_string(expected_[hit].last_seq())));
    }
    expect_batches(read(expected_[hit].last_seq()).value(), hit + 1, 6);
    EXPECT_EQ(append(batch()).error().code(), Code::data_loss);
    EXPECT_EQ(read_file(file_path()), bytes) << "a damaged file is left as it is";
    EXPECT_TRUE(log_->append(Context(), Uuid::random(), batch()).ok());
  }
}

TEST_F(LocalLogTest, DamageOrAGapInAnOlderFileIsReportedWhenItIsRead) {
  open({.segment_bytes = 500});
  fill(12);
  log_.reset();
  std::vector<SeqId> firsts;
  const std::vector<std::string> names = files_.list(topic_path()).value();
  for (const std::string& name : names) firsts.push_back(log::parse_log_file_name(name).value());
  ASSERT_GT(firsts.size(), 3u);
  std::string bytes = read_file(file_path(firsts[1]));
  for (const std::string& broken :
       {bytes.substr(0, batches_in(bytes).back().end - 9), std::string()}) {
    write_file(file_path(firsts[1]), broken);
    open();
    const auto part = read(0);
    ASSERT_TRUE(part.ok()) << part.error().message();
    const SeqId good = part->back().last_seq();
    EXPECT_LT(good, firsts[2] - 1);
    EXPECT_EQ(read(good).error().code(), Code::data_loss);
    EXPECT_THAT(read(good).error().message(), HasSubstr(file_path(firsts[1])));
    EXPECT_TRUE(read(firsts[2] - 1).ok());
    EXPECT_EQ(append(batch()).error().code(), Code::data_loss);
  }
}

TEST_F(LocalLogTest, FramesOfANewerVersionAreLeftAlone) {
  open();
  fill(2);
  log_.reset();
  std::string bytes = read_file(file_path());
  const size_t at = batches_in(bytes).back().begin;
  bytes[at + 4] = 3;
  const uint32_t crc = crc32c(0, os::as_bytes(bytes).subspan(at, 44));
  std::memcpy(bytes.data() + at + 44, &crc, sizeof crc);
  write_file(file_path(), bytes);
  open();
  EXPECT_EQ(log_->last(Context(), id_).error().code(), Code::failed_precondition);
  EXPECT_EQ(append(batch()).error().code(), Code::failed_precondition);
  EXPECT_EQ(read_file(file_path()), bytes);
}

TEST_F(LocalLogTest, TrimGivesTheSpaceBack) {
  open({.segment_bytes = 3'000});
  fill(100);
  const SeqId end = expected_.back().last_seq();
  EXPECT_GT(files_.list(topic_path()).value().size(), 5u);
  ASSERT_TRUE(log_->trim(Context(), id_, end).ok());
  const auto left = files_.list(topic_path()).value();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(fs::file_size(os::join(topic_path(), left[0])), 0u);
  ASSERT_TRUE(log_->drop(Context(), id_).ok());
  EXPECT_FALSE(fs::exists(topic_path()));
}

// The last group of a file was acknowledged, and nothing was appended since: the mark behind it
// says so. Damage to the mark itself loses nothing.
TEST_F(LocalLogTest, EveryFlippedByteOfAClosedLogIsFoundOrLosesNothing) {
  open({.segment_bytes = 1'200});
  fill(9);
  log_.reset();
  const std::vector<std::string> names = files_.list(topic_path()).value();
  ASSERT_GT(names.size(), 2u);
  for (const std::string& name : names) {
    const std::string path = os::join(topic_path(), name);
    const std::string good = read_file(path);
    const std::vector<Place> places = batches_in(good);
    for (size_t at = 0; at < good.size(); ++at) {
      const bool in_batch = std::any_of(places.begin(), places.end(),
                                        [&](const Place& place) { return place.holds(at); });
      log_.reset();
      write_file(path, flipped(good, at, static_cast<int>(random_() % 8)));
      open({.segment_bytes = 1'200});
      size_t found = 0;
      size_t lost = 0;
      for (const LogBatch& batch : expected_) {
        const auto got = log_->read(Context(), id_, batch.first_seq - 1, 1);
        if (got.ok()) {
          ASSERT_EQ(got->size(), 1u);
          ASSERT_EQ(got->front().first_seq, batch.first_seq);
          ASSERT_EQ(*got->front().batch, *batch.batch) << name << " at " << at;
          ++found;
        } else {
          ASSERT_EQ(got.error().code(), Code::data_loss);
          ASSERT_THAT(got.error().message(), HasSubstr(path));
          ++lost;
        }
      }
      ASSERT_EQ(found + lost, expected_.size());
      ASSERT_EQ(lost, in_batch ? 1u : 0u) << name << " at " << at << " of " << good.size();
      ASSERT_EQ(log_->last(Context(), id_).value(), expected_.back().last_seq());
    }
    log_.reset();
    write_file(path, good);
  }
}

TEST_F(LocalLogTest, DamagedMarkInTheMiddleLosesNothingAndWritesGoOn) {
  open();
  fill(3);
  const std::string good = read_file(file_path());
  // The process was killed between the last batch and its mark.
  const std::string killed = good.substr(0, batches_in(good)[2].end);
  for (size_t at = batches_in(good)[0].end; at < batches_in(good)[1].begin; ++at) {
    log_.reset();
    write_file(file_path(), flipped(killed, at, 3));
    open();
    expect_batches(read(0).value(), 0, 3);
    ASSERT_EQ(append(batch(1)).value(), expected_[2].last_seq() + 1);
  }
}

// compact() promises that nothing deleted stays in any file, also where writes go on meanwhile.
TEST_F(LocalLogTest, TrimInTheMiddleOfTheLastFileLetsALaterTrimRemoveIt) {
  open();
  fill(4);
  ASSERT_TRUE(log_->trim(Context(), id_, expected_[1].last_seq()).ok());
  expect_batches(read(expected_[1].last_seq()).value(), 2, 4);
  const SeqId end = expected_[3].last_seq();
  fill(1);
  ASSERT_TRUE(log_->trim(Context(), id_, end).ok());
  EXPECT_FALSE(fs::exists(file_path()));
  expect_batches(read(end).value(), 4, 5);
  EXPECT_EQ(files_.list(topic_path()).value().size(), 1u);
}

TEST_F(LocalLogTest, ReservedSpaceIsGivenBackWhenAFileIsLeft) {
  open();
  RecordBatch big;
  big.ids = {std::string(200'000, 'x')};
  for (int i = 0; i < 2; ++i)  // a file's first group reserves nothing
    ASSERT_TRUE(append(std::make_shared<RecordBatch>(big)).ok());
  struct stat status {};
  ASSERT_EQ(stat(file_path().c_str(), &status), 0);
  const auto reserved = status.st_blocks;
  log_->stop();
  ASSERT_EQ(stat(file_path().c_str(), &status), 0);
  EXPECT_LE(status.st_blocks * 512, status.st_size + 65'536) << "of " << reserved;
  ASSERT_TRUE(append(batch(1)).ok()) << "a stopped file opens again";
}

TEST_F(LocalLogTest, WaitingForALogThatNeverBeganLeavesNothing) {
  open({.topics = 4});
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(log_->wait(Context::with_timeout(std::chrono::milliseconds(0)), Uuid::random(), 0)
                  .error()
                  .code(),
              Code::deadline_exceeded);
  }
  EXPECT_EQ(log_->topics(), 0u);
}

TEST_F(LocalLogTest, IdleTopicsAreForgottenAndOpenAgain) {
  open({.open_files = 2, .topics = 4});
  std::vector<CollectionId> ids;
  const SharedBatch one = batch(1);
  for (int i = 0; i < 30; ++i) {
    ids.push_back(Uuid::random());
    ASSERT_EQ(log_->append(Context(), ids.back(), one).value(), 1u);
    EXPECT_LE(log_->topics(), 5u);
  }
  for (const CollectionId& id : ids) {
    ASSERT_EQ(log_->append(Context(), id, one).value(), 2u);
    ASSERT_EQ(log_->read(Context(), id, 0, kNoLimit).value().size(), 2u);
  }
}

TEST_F(LocalLogTest, RetainRemovesDamagedLogsAndLeavesWhatIsNotALog) {
  open();
  fill(3);
  log_.reset();
  write_file(file_path(), flipped(read_file(file_path()), 10, 0));
  fs::create_directories(directory_.path() + "/notes");
  write_file(directory_.path() + "/README", "x");
  open();
  EXPECT_FALSE(append(batch()).ok());
  const CollectionId kept = Uuid::random();
  ASSERT_TRUE(log_->append(Context(), kept, batch()).ok());
  ASSERT_TRUE(log_->retain(Context(), {}).ok());
  EXPECT_TRUE(fs::exists(topic_path())) << "a SysDb without collections may be the wrong one";
  ASSERT_TRUE(log_->retain(Context(), {kept}).ok());
  EXPECT_FALSE(fs::exists(topic_path()));
  EXPECT_EQ(files_.list(directory_.path()).value().size(), 3u);
}

}  // namespace
}  // namespace viridian::local
