#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/executor.h"
#include "viridian/spi/component.h"

namespace viridian {

/// A fixed number of threads (`executor.threads`; 0: two per processor, at least six more than
/// processors) over one bounded queue (`executor.queue`). Thread-safe.
///
/// Of all threads no more than there are processors help in loops, and these leave a loop for work
/// that waits: so short work, such as a write, does not wait for long loops, such as a filter's.
///
/// Before start() and after stop() nothing can be submitted, and parallel_for runs on its caller
/// alone. stop() runs what was taken before it returns; it must not be called from one of the
/// pool's own threads.
class ThreadPool final : public Component, public Executor {
 public:
  static Result<std::unique_ptr<ThreadPool>> create(System& system);
  ThreadPool(size_t threads, size_t queue_limit);
  ~ThreadPool() override;

  Status start(const Context&) override;
  void stop() noexcept override;

  bool submit(std::function<void()> work) override;
  void parallel_for(size_t n, const std::function<void(size_t)>& body) override;
  size_t concurrency() const override { return thread_count_; }

 private:
  struct Loop;

  void work();
  Loop* next_loop() const;
  void help(Loop& loop, std::unique_lock<std::mutex>& lock);

  const size_t thread_count_;
  const size_t queue_limit_;
  const size_t helpers_limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_, as all below
  /// Loops of parallel_for that may have indexes left. Each lives on its caller's stack, and the
  /// caller takes it out before it returns; so no stale entry ever waits here or in the queue.
  std::vector<Loop*> loops_;
  size_t helpers_ = 0;              ///< threads that help in any of them
  std::atomic<size_t> queued_ = 0;  ///< written under mutex_: the size of queue_
  bool running_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace viridian
