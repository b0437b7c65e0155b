#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "viridian/base/result.h"

namespace viridian {

/// What travels with one call: how long it may take and whether its caller still wants it.
/// A value; copies share the cancel flag. Thread-safe.
class Context {
 public:
  using Clock = std::chrono::steady_clock;

  /// No deadline, never cancelled.
  Context() = default;
  static Context with_timeout(std::chrono::milliseconds timeout);

  std::optional<Clock::time_point> deadline() const noexcept { return deadline_; }
  /// Asks every call made with this context, or a copy of it, to stop soon.
  void cancel() noexcept { cancelled_->store(true, std::memory_order_relaxed); }
  /// deadline_exceeded, cancelled, or ok. Long loops ask between blocks of work.
  Status check() const;

 private:
  std::optional<Clock::time_point> deadline_;
  std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace viridian
