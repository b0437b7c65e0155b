#pragma once
#include <bit>
#include <cstdint>

namespace viridian::index {

/// A number that orders as the floats do.
inline uint32_t sortable(float value) noexcept {
  const auto bits = std::bit_cast<uint32_t>(value);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
}
/// The float of such a number.
inline float of_sortable(uint32_t number) noexcept {
  return std::bit_cast<float>((number >> 31) != 0 ? number & 0x7fffffffU : ~number);
}

}  // namespace viridian::index
