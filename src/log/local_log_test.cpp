#include "log/local_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "base/crc32c.h"
#include "codec/batch_codec.h"
#include "conformance/random_batches.h"
#include "log/frame.h"
#include "os/faulty_files.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"

namespace viridian::local {
namespace {

namespace fs = std::filesystem;
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
  static std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
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
  /// Offsets of the frames in some bytes of whole frames.
  static std::vector<size_t> frame_offsets(const std::string& bytes) {
    std::vector<size_t> offsets;
    for (size_t at = 0; at < bytes.size();
         at += log::parse_frame(os::as_bytes(bytes).subspan(at)).size)
      offsets.push_back(at);
    return offsets;
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
  const std::string good = bytes_of(file_path());
  const size_t last_frame = frame_offsets(good).back();
  for (size_t size = last_frame; size < good.size(); ++size) {
    for (const size_t zeros : {size_t{0}, good.size() - size, size_t{5'000}}) {
      const std::string torn = good.substr(0, size) + std::string(zeros, '\0');
      if (torn.starts_with(good)) continue;  // only zeros of the padding were missing
      log_.reset();
      write(file_path(), torn);
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
  write(file_path(), acknowledged + torn + whole);
  open();
  EXPECT_EQ(log_->last(Context(), id_).value(), end);
  EXPECT_EQ(fs::file_size(file_path()), acknowledged.size());
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
    write(file_path(), bytes);
    open();
    EXPECT_EQ(log_->last(Context(), id_).value(), end);
    EXPECT_TRUE(append(batch()).ok());
  }
}

TEST_F(LocalLogTest, DamageInTheMiddleIsReportedAndNothingElseIsLost) {
  open();
  fill(6);
  const std::string good = bytes_of(file_path());
  const std::vector<size_t> offsets = frame_offsets(good);
  for (size_t at = offsets[1]; at < offsets[5]; at += 1 + random_() % 40) {
    log_.reset();
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random_() % 8)));
    write(file_path(), bytes);
    open();
    size_t hit = 1;
    while (offsets[hit + 1] <= at) ++hit;
    expect_batches(read(0).value(), 0, hit);
    for (const SeqId after : {expected_[hit].first_seq - 1, expected_[hit].last_seq() - 1}) {
      const auto damaged = read(after);
      ASSERT_FALSE(damaged.ok());
      EXPECT_EQ(damaged.error().code(), Code::data_loss);
      EXPECT_THAT(damaged.error().message(), HasSubstr(file_path()));
      EXPECT_THAT(damaged.error().message(), HasSubstr("offset " + std::to_string(offsets[hit])));
      EXPECT_THAT(damaged.error().message(),
                  HasSubstr("records " + std::to_string(expected_[hit].first_seq) + " to " +
                            std::to_string(expected_[hit].last_seq())));
    }
    expect_batches(read(expected_[hit].last_seq()).value(), hit + 1, 6);
    EXPECT_EQ(append(batch()).error().code(), Code::data_loss);
    EXPECT_EQ(bytes_of(file_path()), bytes) << "a damaged file is left as it is";
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
  std::string bytes = bytes_of(file_path(firsts[1]));
  for (const std::string& broken : {bytes.substr(0, bytes.size() - 9), std::string()}) {
    write(file_path(firsts[1]), broken);
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
  std::string bytes = bytes_of(file_path());
  const size_t at = frame_offsets(bytes).back();
  bytes[at + 4] = 2;
  const uint32_t crc = crc32c(0, os::as_bytes(bytes).subspan(at, 44));
  std::memcpy(bytes.data() + at + 44, &crc, sizeof crc);
  write(file_path(), bytes);
  open();
  EXPECT_EQ(log_->last(Context(), id_).error().code(), Code::failed_precondition);
  EXPECT_EQ(append(batch()).error().code(), Code::failed_precondition);
  EXPECT_EQ(bytes_of(file_path()), bytes);
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

}  // namespace
}  // namespace viridian::local
