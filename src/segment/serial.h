#pragma once
#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "viridian/base/context.h"

namespace viridian::segment {

/// A lock whose wait ends with its caller's deadline or cancellation, and that may be held for
/// long: across I/O and applying. Not recursive.
class Serial {
 public:
  class Hold {
   public:
    explicit Hold(Serial& serial) : serial_(&serial) {}
    Hold(Hold&& other) noexcept : serial_(std::exchange(other.serial_, nullptr)) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (serial_ != nullptr) serial_->release();
    }

   private:
    Serial* serial_;
  };

  ///   deadline_exceeded, cancelled
  Result<Hold> acquire(const Context& context);

 private:
  void release();

  std::mutex mutex_;
  std::condition_variable free_;
  bool held_ = false;  // guarded by mutex_
};

/// Waits until `condition` holds or the context ends. Cancellation has no signal, so it is looked
/// at from time to time.
template <class Condition>
Status wait_until(const Context& context, std::condition_variable& changed,
                  std::unique_lock<std::mutex>& lock, Condition&& condition) {
  constexpr std::chrono::milliseconds kLook{20};
  while (!condition()) {
    VIRIDIAN_TRY_VOID(context.check());
    const Context::Clock::time_point look = Context::Clock::now() + kLook;
    changed.wait_until(lock, std::min(look, context.deadline().value_or(look)));
  }
  return ok_status();
}

}  // namespace viridian::segment
