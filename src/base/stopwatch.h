#pragma once
#include <chrono>
#include <cstdint>

namespace viridian {

/// Time since it was made.
class Stopwatch {
 public:
  uint64_t nanoseconds() const {
    const auto passed = std::chrono::steady_clock::now() - begun_;
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count());
  }
  uint64_t microseconds() const { return nanoseconds() / 1000; }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace viridian
