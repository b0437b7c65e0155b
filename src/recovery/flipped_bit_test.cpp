#include "recovery/flipped_bit.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/crc32c.h"
#include "codec/batch_codec.h"
#include "log/frame.h"
#include "recovery/log_scan.h"

namespace viridian::recovery {
namespace {

std::vector<std::byte> random_bytes(std::mt19937& random, size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

TEST(FlippedBit, IsFoundWhereverItIs) {
  std::mt19937 random(1);
  for (const size_t size : {size_t{1}, size_t{7}, size_t{64}, size_t{4096}, kFlippedBitBytesMax}) {
    std::vector<std::byte> bytes = random_bytes(random, size);
    const uint32_t crc = crc32c(0, bytes);
    EXPECT_EQ(find_flipped_bit(bytes, crc), std::nullopt);
    for (int i = 0; i < 50; ++i) {
      const uint64_t bit = random() % (size * 8);
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
      EXPECT_EQ(find_flipped_bit(bytes, crc), bit);
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    }
  }
}

TEST(FlippedBit, TwoFlipsAreNeverTakenForOne) {
  std::mt19937 random(2);
  std::vector<std::byte> bytes = random_bytes(random, 4096);
  const uint32_t crc = crc32c(0, bytes);
  for (int i = 0; i < 200; ++i) {
    const uint64_t a = random() % (4096U * 8), b = random() % (4096U * 8);
    if (a == b) continue;
    for (const uint64_t bit : {a, b}) bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(find_flipped_bit(bytes, crc), std::nullopt);
    for (const uint64_t bit : {a, b}) bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

std::vector<std::byte> frame_of(SeqId first, const std::vector<std::string>& ids, uint64_t salt) {
  RecordBatch batch;
  batch.operation = Operation::remove;
  for (const std::string& id : ids) batch.ids.push_back(id);
  std::string payload = codec::encode_batch(batch);
  const uint64_t size = payload.size();
  payload.resize(log::padded_size(size));
  log::Frame frame;
  frame.first_seq = first;
  frame.durable_seq = first - 1;
  frame.records = static_cast<uint32_t>(ids.size());
  frame.salt = salt;
  const auto header = log::make_frame_header(frame, size, crc32c(0, os::as_bytes(payload)));
  std::vector<std::byte> bytes(header.begin(), header.end());
  const os::Bytes rest = os::as_bytes(payload);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

TEST(LogFrames, AnyFlippedBitOfOneIsPutRight) {
  const std::vector<std::byte> frame = frame_of(7, {"a", "bc", "def"}, 99);
  for (uint64_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::vector<std::byte> flipped = frame;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(correct_frame(flipped, 7, 99), frame) << bit;
    EXPECT_EQ(correct_frame(flipped, 7, std::nullopt), frame) << bit;
    EXPECT_EQ(correct_frame(flipped, 8, std::nullopt), std::nullopt) << bit;
  }
}

TEST(LogFrames, FillerTakesTheNumbersAndChangesNothing) {
  const std::vector<std::byte> filler = make_filler(10, 14, 5);
  const log::ParsedFrame parsed = log::parse_frame(filler);
  ASSERT_EQ(parsed.state, log::FrameState::whole);
  EXPECT_EQ(parsed.size, filler.size());
  EXPECT_EQ(parsed.frame.first_seq, 10U);
  EXPECT_EQ(parsed.frame.last_seq(), 14U);
  EXPECT_EQ(parsed.frame.salt, 5U);
  const auto batch = codec::decode_batch(os::as_text(parsed.frame.payload));
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->operation, Operation::remove);
  EXPECT_EQ(batch->rows(), 5U);
}

}  // namespace
}  // namespace viridian::recovery
