#pragma once
#include <cstdint>
#include <string_view>

namespace viridian {

/// XXH3, 64 bits: the same on every machine, so it may be stored. Not for adversarial input where
/// collisions do harm.
uint64_t hash64(std::string_view text) noexcept;

}  // namespace viridian
