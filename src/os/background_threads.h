#pragma once
#include "base/executor.h"

namespace viridian::os {

/// Threads for work that nobody waits for, made for each loop and behind all others (see
/// lower_thread_priority()). With one, the caller's thread does everything.
class BackgroundThreads final : public Executor {
 public:
  /// `count`: with the caller's, which keeps its priority; at least 1.
  explicit BackgroundThreads(size_t count) : count_(count) {}

  bool submit(std::function<void()>) override { return false; }
  void parallel_for(size_t n, const std::function<void(size_t)>& body) override;
  size_t concurrency() const override { return count_; }

 private:
  size_t count_;
};

}  // namespace viridian::os
