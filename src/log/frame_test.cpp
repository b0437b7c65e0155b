#include "log/frame.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/crc32c.h"

namespace viridian::log {
namespace {

std::string frame_bytes(const Frame& frame, std::string payload) {
  const size_t size = payload.size();
  payload.resize(padded_size(size));
  const FrameHeader header = make_frame_header(frame, size, crc32c(0, os::as_bytes(payload)));
  return std::string(os::as_text(header)) + payload;
}

const Frame kFrame = {.first_seq = 7, .durable_seq = 6, .records = 3, .salt = 99, .payload = {}};

TEST(Frame, ComesBackAsWritten) {
  for (const size_t size : {0u, 1u, 7u, 8u, 9u, 1000u}) {
    const std::string payload(size, 'p');
    const std::string bytes = frame_bytes(kFrame, payload);
    EXPECT_EQ(bytes.size() % kFrameAlignment, 0u);
    const std::string file = bytes + "more";
    const ParsedFrame parsed = parse_frame(os::as_bytes(file));
    ASSERT_EQ(parsed.state, FrameState::whole);
    EXPECT_EQ(parsed.size, bytes.size());
    EXPECT_EQ(parsed.frame.first_seq, 7u);
    EXPECT_EQ(parsed.frame.durable_seq, 6u);
    EXPECT_EQ(parsed.frame.last_seq(), 9u);
    EXPECT_EQ(parsed.frame.salt, 99u);
    EXPECT_EQ(os::as_text(parsed.frame.payload), payload);
  }
}

TEST(Frame, EveryPrefixIsCutShort) {
  const std::string bytes = frame_bytes(kFrame, "some payload");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(parse_frame(os::as_bytes(bytes).first(size)).state, FrameState::cut_short) << size;
}

TEST(Frame, EveryFlippedBitIsNoticed) {
  const std::string good = frame_bytes(kFrame, "some payload");
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(parse_frame(os::as_bytes(bytes)).state, FrameState::damaged) << bit;
  }
}

// A newer program's frames must be told from damage: nobody may cut them off.
TEST(Frame, AnotherVersionIsNotDamage) {
  std::string bytes = frame_bytes(kFrame, "x");
  bytes[4] = 3;
  const uint32_t crc = crc32c(0, os::as_bytes(bytes).first(44));
  std::memcpy(bytes.data() + 44, &crc, sizeof crc);
  EXPECT_EQ(parse_frame(os::as_bytes(bytes)).state, FrameState::unknown_version);
}

TEST(Frame, MarkSaysWhatIsDurable) {
  const FrameHeader mark = make_mark(9, 99);
  const ParsedFrame parsed = parse_frame(mark);
  ASSERT_EQ(parsed.state, FrameState::whole);
  EXPECT_EQ(parsed.size, kFrameHeaderBytes);
  EXPECT_TRUE(parsed.frame.is_mark());
  EXPECT_EQ(parsed.frame.first_seq, 10u);
  EXPECT_EQ(parsed.frame.last_seq(), 9u);
  EXPECT_EQ(parsed.frame.durable_seq, 9u);
  EXPECT_EQ(parsed.frame.salt, 99u);
  for (size_t bit = 0; bit < mark.size() * 8; ++bit) {
    FrameHeader flipped = mark;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(parse_frame(flipped).state, FrameState::damaged) << bit;
  }
}

TEST(Frame, SoundHeadersThatCannotBeAreDamage) {
  for (const Frame& frame : {Frame{0, 0, 1, 9, {}}, Frame{7, 6, 0, 9, {}}, Frame{7, 7, 1, 9, {}},
                             Frame{UINT64_MAX, 6, 2, 9, {}}})
    EXPECT_EQ(parse_frame(os::as_bytes(frame_bytes(frame, "x"))).state, FrameState::damaged);
}

}  // namespace
}  // namespace viridian::log
