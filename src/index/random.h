#pragma once
#include <cstdint>

namespace viridian::index {

/// The n-th number of a random sequence for each seed (SplitMix64; Steele, Lea, Flood 2014): the
/// same with every standard library, and in whatever order it is asked for.
constexpr uint64_t random_number(uint64_t seed, uint64_t n) noexcept {
  uint64_t z = seed + (n + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace viridian::index
