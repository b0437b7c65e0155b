#include "recovery/flipped_bit.h"

#include <array>

#include "base/crc32c.h"

namespace viridian::recovery {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, reflected

/// What the CRC's register becomes after one more zero byte, by its lowest byte.
constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = make_table();

}  // namespace

std::optional<uint64_t> find_flipped_bit(os::Bytes bytes, uint32_t crc) noexcept {
  if (bytes.size() > kFlippedBitBytesMax) return std::nullopt;
  // The CRC is linear: flipping a bit changes it by an amount that depends only on the bit's
  // distance from the end.
  const uint32_t difference = crc32c(0, bytes) ^ crc;
  if (difference == 0) return std::nullopt;
  std::array<uint32_t, 8> change;
  for (size_t bit = 0; bit < change.size(); ++bit) change[bit] = kTable[size_t{1} << bit];
  for (size_t i = bytes.size(); i-- > 0;) {
    for (size_t bit = 0; bit < change.size(); ++bit) {
      if (change[bit] == difference) return uint64_t{i} * 8 + bit;
      change[bit] = (change[bit] >> 8) ^ kTable[change[bit] & 0xff];
    }
  }
  return std::nullopt;
}

}  // namespace viridian::recovery
