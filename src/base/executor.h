#pragma once
#include <cstddef>
#include <functional>
#include <string_view>

namespace viridian {

/// Where CPU work runs. Thread-safe.
class Executor {
 public:
  static constexpr std::string_view kSetting = "executor";
  virtual ~Executor() = default;

  /// Runs `work` on some thread, soon. False when the queue is full or the executor has stopped:
  /// the work was not taken. `work` must not throw and must not wait for other submitted work.
  virtual bool submit(std::function<void()> work) = 0;
  /// Runs body(i) for i in [0, n), in parallel, and returns when all are done. The caller's thread
  /// takes part, so this may be called from inside submitted work. `body` must not throw.
  virtual void parallel_for(size_t n, const std::function<void(size_t)>& body) = 0;
  /// Threads that can run at once, the caller's included.
  virtual size_t concurrency() const = 0;
};

}  // namespace viridian
