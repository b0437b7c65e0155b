#pragma once
#include <cstdint>
#include <optional>

#include "os/files.h"

namespace viridian::recovery {

/// Bytes beyond which find_flipped_bit() does not look: the longer they are, the likelier it is
/// that other damage looks like one flipped bit. For 64 KiB it is 1 in 8192.
inline constexpr size_t kFlippedBitBytesMax = size_t{64} << 10;

/// The one bit (8 x byte + bit) whose flip gives the bytes this CRC-32C; null where there is none,
/// so where more than one bit has changed. CRC-32C tells any two single flips of so few bytes
/// apart.
std::optional<uint64_t> find_flipped_bit(os::Bytes bytes, uint32_t crc) noexcept;

}  // namespace viridian::recovery
