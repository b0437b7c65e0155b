#include "clickhouse/row_clock.h"

#include <time.h>

#include <algorithm>

namespace viridian::clickhouse {

RowClock::Times RowClock::machine() {
  timespec boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  const auto running = std::chrono::seconds(boot.tv_sec) + std::chrono::nanoseconds(boot.tv_nsec);
  return {
      std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch()),
      std::chrono::duration_cast<Milliseconds>(running)};
}

void RowClock::learn(uint32_t seconds, const Times& now) noexcept {
  const int64_t ahead = int64_t{seconds} * 1000 - now.running.count();
  int64_t known = ahead_.load();
  while (known < ahead && !ahead_.compare_exchange_weak(known, ahead)) continue;
}

uint32_t RowClock::seconds(const Times& now) const noexcept {
  int64_t at = now.wall.count();
  if (const int64_t ahead = ahead_.load(); ahead != kUnknown)
    at = std::max(at, now.running.count() + ahead);
  return static_cast<uint32_t>(std::clamp<int64_t>(at / 1000, 0, UINT32_MAX));
}

}  // namespace viridian::clickhouse
