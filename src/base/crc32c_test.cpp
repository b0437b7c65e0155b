#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

namespace viridian {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(Crc32c, MatchesThePublishedVectors) {
  EXPECT_EQ(crc32c(0, bytes_of("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c(0, {}), 0u);
  EXPECT_EQ(crc32c(0, std::vector<std::byte>(32, std::byte{0})), 0x8A9136AAu);
  EXPECT_EQ(crc32c(0, std::vector<std::byte>(32, std::byte{0xff})), 0x62A8AB43u);
  EXPECT_EQ(crc32c_portable(0, bytes_of("123456789")), 0xE3069283u);
}

// Files written on one machine are read on another: both ways to sum must agree at every length,
// in particular around the interleaved blocks.
TEST(Crc32c, BothWaysAgreeAtEveryLengthAndAlignment) {
  std::mt19937_64 random(1);
  std::vector<std::byte> data(20'000);
  for (std::byte& byte : data) byte = static_cast<std::byte>(random());
  for (size_t length = 0; length < 8'000; length += length < 100 ? 1 : 61) {
    const auto part = std::span(data).subspan(random() % 16, length);
    const auto seed = static_cast<uint32_t>(random());
    ASSERT_EQ(crc32c(seed, part), crc32c_portable(seed, part)) << length;
  }
}

TEST(Crc32c, GoesOnFromASeed) {
  std::mt19937_64 random(2);
  std::vector<std::byte> data(9'999);
  for (std::byte& byte : data) byte = static_cast<std::byte>(random());
  const std::span<const std::byte> all(data);
  for (int i = 0; i < 50; ++i) {
    const size_t cut = random() % data.size();
    ASSERT_EQ(crc32c(crc32c(0, all.first(cut)), all.subspan(cut)), crc32c(0, all)) << cut;
  }
}

}  // namespace
}  // namespace viridian
