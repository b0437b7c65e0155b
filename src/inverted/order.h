#pragma once
#include <bit>
#include <cstdint>

namespace viridian::inverted {

// Numbers as unsigned ones of the same order, so that one search does for all types.

inline constexpr uint64_t kSign = uint64_t{1} << 63;

constexpr uint64_t ordered(int64_t value) noexcept {
  return std::bit_cast<uint64_t>(value) ^ kSign;
}
constexpr int64_t integer_of(uint64_t order) noexcept {
  return std::bit_cast<int64_t>(order ^ kSign);
}

/// Not for NaN. Both zeros are one.
constexpr uint64_t ordered(double value) noexcept {
  const auto bits = std::bit_cast<uint64_t>(value + 0.0);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}
constexpr double floating_of(uint64_t order) noexcept {
  return std::bit_cast<double>((order & kSign) != 0 ? order ^ kSign : ~order);
}

}  // namespace viridian::inverted
