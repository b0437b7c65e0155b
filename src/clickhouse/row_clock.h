#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

namespace viridian::clickhouse {

/// The time that rows bear. Days of the log are dropped once the servers of ClickHouse take them
/// for long past, so no row may get into such a day, however wrong this machine's clock is: a row's
/// time is that of the machine, or the time that a server said plus what has passed since,
/// whichever is later. A time that is too late only keeps a day longer. Thread-safe.
class RowClock {
 public:
  using Milliseconds = std::chrono::milliseconds;

  /// Since 1970, by the machine's clock; and since some moment, by one that nobody sets and that
  /// runs on while the machine sleeps.
  struct Times {
    Milliseconds wall;
    Milliseconds running;
  };
  static Times machine();

  /// A server has just said that it is so many seconds after 1970.
  void learn(uint32_t seconds, const Times& now = machine()) noexcept;
  /// Seconds since 1970.
  uint32_t seconds(const Times& now = machine()) const noexcept;

 private:
  static constexpr int64_t kUnknown = std::numeric_limits<int64_t>::min();
  /// Milliseconds from the running clock to that of the server that was furthest on.
  std::atomic<int64_t> ahead_{kUnknown};
};

}  // namespace viridian::clickhouse
