#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace viridian {

/// CRC-32C (Castagnoli) of `bytes`, going on from `seed`, the value of what came before (0 at the
/// start): crc32c(crc32c(0, a), b) is the value of a followed by b.
uint32_t crc32c(uint32_t seed, std::span<const std::byte> bytes) noexcept;

/// The same without special instructions: what machines without them use, and tests compare with.
uint32_t crc32c_portable(uint32_t seed, std::span<const std::byte> bytes) noexcept;

}  // namespace viridian
