#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "viridian/base/context.h"

namespace viridian::log {

/// Waits until `done()`, under `lock`, or returns the context's error. Cancelling a context wakes
/// nobody, so the flag is looked at every now and then.
template <class Done>
Status wait_until(const Context& context, std::condition_variable& changed,
                  std::unique_lock<std::mutex>& lock, Done done) {
  constexpr std::chrono::milliseconds kCancelCheck{100};
  while (!done()) {
    VIRIDIAN_TRY_VOID(context.check());
    auto until = Context::Clock::now() + kCancelCheck;
    if (context.deadline()) until = std::min(until, *context.deadline());
    changed.wait_until(lock, until);
  }
  return ok_status();
}

}  // namespace viridian::log
