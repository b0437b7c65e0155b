#include "base/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace viridian {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint32_t kPolynomial = 0x82f63b78;  // reflected

using ByteTable = std::array<uint32_t, 256>;

/// tables[k][b]: the effect of byte b followed by k zero bytes.
constexpr std::array<ByteTable, 8> make_tables() {
  std::array<ByteTable, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}
constexpr std::array<ByteTable, 8> kTables = make_tables();

uint64_t load(const std::byte* at) noexcept {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

uint32_t add_byte(uint32_t crc, std::byte byte) noexcept {
  return (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<uint32_t>(byte)) & 0xff];
}

#if defined(__x86_64__)

// The instruction takes three cycles but can start one per cycle, so three blocks are summed side
// by side and joined: the state moves over a block of zero bytes by a linear map, kept as tables.
constexpr size_t kBlock = 1024;

constexpr std::array<ByteTable, 4> make_block_shift() {
  std::array<uint32_t, 32> moved{};  // where each single bit goes
  for (size_t bit = 0; bit < 32; ++bit) {
    uint32_t crc = uint32_t{1} << bit;
    for (size_t i = 0; i < kBlock; ++i) crc = (crc >> 8) ^ kTables[0][crc & 0xff];
    moved[bit] = crc;
  }
  std::array<ByteTable, 4> shift{};
  for (size_t part = 0; part < 4; ++part) {
    for (size_t byte = 0; byte < 256; ++byte) {
      for (size_t bit = 0; bit < 8; ++bit)
        if ((byte >> bit & 1) != 0) shift[part][byte] ^= moved[part * 8 + bit];
    }
  }
  return shift;
}
constexpr std::array<ByteTable, 4> kBlockShift = make_block_shift();

uint32_t shift_block(uint64_t crc) noexcept {
  return kBlockShift[0][crc & 0xff] ^ kBlockShift[1][crc >> 8 & 0xff] ^
         kBlockShift[2][crc >> 16 & 0xff] ^ kBlockShift[3][crc >> 24 & 0xff];
}

__attribute__((target("sse4.2"))) uint32_t crc32c_sse42(uint32_t seed,
                                                        std::span<const std::byte> bytes) noexcept {
  uint64_t crc = ~seed;
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 3 * kBlock; at += 3 * kBlock, left -= 3 * kBlock) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kBlock; i += 8) {
      crc = _mm_crc32_u64(crc, load(at + i));
      second = _mm_crc32_u64(second, load(at + kBlock + i));
      third = _mm_crc32_u64(third, load(at + 2 * kBlock + i));
    }
    crc = shift_block(shift_block(crc) ^ second) ^ third;
  }
  for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, load(at));
  auto narrow = static_cast<uint32_t>(crc);
  for (; left > 0; ++at, --left) narrow = _mm_crc32_u8(narrow, std::to_integer<uint8_t>(*at));
  return ~narrow;
}

#endif

}  // namespace

uint32_t crc32c_portable(uint32_t seed, std::span<const std::byte> bytes) noexcept {
  uint32_t crc = ~seed;
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    const uint64_t word = load(at) ^ crc;
    crc = 0;
    for (size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][word >> (8 * i) & 0xff];
  }
  for (; left > 0; ++at, --left) crc = add_byte(crc, *at);
  return ~crc;
}

uint32_t crc32c(uint32_t seed, std::span<const std::byte> bytes) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return crc32c_sse42(seed, bytes);
#endif
  return crc32c_portable(seed, bytes);
}

}  // namespace viridian
