#include "segment/throttles.h"

#include <algorithm>

#include "segment/serial.h"

namespace viridian::segment {

Status RateThrottle::pass(const Context& context, uint64_t bytes) {
  constexpr std::chrono::milliseconds kAtOnce{100};
  std::unique_lock lock(mutex_);
  const Clock::time_point start = std::max(free_at_, Clock::now() - kAtOnce);
  const std::chrono::duration<double> takes(static_cast<double>(bytes) /
                                            static_cast<double>(bytes_per_second_));
  free_at_ = start + std::chrono::duration_cast<Clock::duration>(takes);
  return wait_until(context, never_, lock, [&] { return Clock::now() >= start; });
}

}  // namespace viridian::segment
