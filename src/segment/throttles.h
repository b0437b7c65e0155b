#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "viridian/spi/segment_types.h"

namespace viridian::segment {

/// Lets so many bytes pass in a second, over all who share it, with a tenth of a second's worth at
/// once. Thread-safe.
class RateThrottle final : public Throttle {
 public:
  explicit RateThrottle(uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}
  Status pass(const Context& context, uint64_t bytes) override;

 private:
  using Clock = Context::Clock;
  const uint64_t bytes_per_second_;
  std::mutex mutex_;
  std::condition_variable never_;
  Clock::time_point free_at_;  ///< when what was let pass so far has had its time
};

/// For those who are waited for: only looks at the context.
class NoThrottle final : public Throttle {
 public:
  Status pass(const Context& context, uint64_t) override { return context.check(); }
};

}  // namespace viridian::segment
