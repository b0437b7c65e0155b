#pragma once
#include <cstddef>
#include <cstdint>

namespace viridian::simd {

/// How many bits of `count` words are set.
uint64_t count_bits(const uint64_t* words, size_t count) noexcept;

}  // namespace viridian::simd
