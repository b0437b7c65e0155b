#pragma once

namespace viridian {

/// Prints where and what, then aborts.
[[noreturn]] void assertion_failed(const char* what, const char* file, int line) noexcept;

}  // namespace viridian

/// A broken promise of our own code. On in every build: only for O(1) checks.
#define VIRIDIAN_ASSERT(condition) \
  ((condition) ? void(0) : ::viridian::assertion_failed(#condition, __FILE__, __LINE__))
