#pragma once
#include <cstddef>

#include "simd/codes.h"

namespace viridian::simd {

/// Asks for the lines of memory that these bytes, at least one, lie in from `from` on.
inline void prefetch(const void* from, size_t bytes) noexcept {
  __builtin_prefetch(from);
  for (size_t at = kLineBytes; at < bytes; at += kLineBytes)
    __builtin_prefetch(static_cast<const char*>(from) + at);
}

}  // namespace viridian::simd
