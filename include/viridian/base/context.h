#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "viridian/base/result.h"

namespace viridian {

class PlanTrace;

/// What travels with one call: how long it may take, whether its caller still wants it, and who is
/// told how it is done.
/// A value; copies share the cancel flag. Thread-safe.
class Context {
 public:
  using Clock = std::chrono::steady_clock;

  /// No deadline, never cancelled.
  Context() = default;
  static Context with_timeout(std::chrono::milliseconds timeout);

  std::optional<Clock::time_point> deadline() const noexcept { return deadline_; }
  /// This context, but with no later deadline than that.
  [[nodiscard]] Context no_later_than(Clock::time_point deadline) const;
  /// Asks every call made with this context, or a copy of it, to stop soon.
  void cancel() noexcept { cancelled_->store(true, std::memory_order_relaxed); }
  /// deadline_exceeded, cancelled, or ok. Long loops ask between blocks of work.
  Status check() const;

  /// How much an answer may be out of date.
  struct Freshness {
    /// Whatever was acknowledged this long before the call must be in the answer; 0: all that was
    /// acknowledged before it; kAnyAge: whatever is at hand will do.
    std::chrono::milliseconds age{0};
    /// Everything up to this number of the collection's log must be in it, whatever its age.
    uint64_t at_least = 0;
  };
  static constexpr std::chrono::milliseconds kAnyAge = std::chrono::milliseconds::max();

  /// What the caller asked for; unset: it did not say, which everything but the engine (which has a
  /// setting for it) takes for all that was acknowledged.
  const std::optional<Freshness>& freshness() const noexcept { return freshness_; }
  /// The age asked for, 0 if unset.
  std::chrono::milliseconds age() const noexcept;
  [[nodiscard]] Context with_freshness(const Freshness& freshness) const;

  /// Whether another server sent the call on to this one, which then answers it itself or not at
  /// all.
  bool forwarded() const noexcept { return forwarded_; }
  [[nodiscard]] Context as_forwarded() const;

  /// Who is told which steps a read takes (spi/plan_trace.h); null: nobody.
  PlanTrace* trace() const noexcept { return trace_.get(); }
  [[nodiscard]] Context with_trace(std::shared_ptr<PlanTrace> trace) const;

 private:
  std::optional<Clock::time_point> deadline_;
  std::optional<Freshness> freshness_;
  bool forwarded_ = false;
  std::shared_ptr<PlanTrace> trace_;
  std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace viridian
