#include "component/thread_pool.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <system_error>

namespace viridian {
namespace {

constexpr size_t kSpareThreads = 6;

size_t processors() { return std::max(1u, std::thread::hardware_concurrency()); }

}  // namespace

/// One running parallel_for.
struct ThreadPool::Loop {
  const std::function<void(size_t)>& body;
  const size_t size;
  std::atomic<size_t> next = 0;
  size_t helpers = 0;  // threads inside run(), the caller's not counted; guarded by mutex_
  size_t helpers_limit = 0;
  std::condition_variable done;

  bool exhausted() const { return next.load(std::memory_order_relaxed) >= size; }
  /// Until no index is left, or, between two of them, something else is to be done.
  template <class Leave>
  void run(Leave&& leave) {
    while (!leave()) {
      const size_t i = next.fetch_add(1);
      if (i >= size) return;
      body(i);
    }
  }
};

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(System& system) {
  const Settings& settings = system.settings();
  size_t threads = settings.unsigned_integer("executor.threads");
  if (threads == 0) {
    // More than processors: behind one long request per processor a short one would wait for the
    // end of one of them. This way the kernel shares the processors out among them.
    threads = processors() + std::max(processors(), kSpareThreads);
  }
  return std::make_unique<ThreadPool>(threads, settings.unsigned_integer("executor.queue"));
}

ThreadPool::ThreadPool(size_t threads, size_t queue_limit)
    : thread_count_(threads), queue_limit_(queue_limit), helpers_limit_(processors()) {}

ThreadPool::~ThreadPool() { stop(); }

Status ThreadPool::start(const Context&) {
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
  }
  try {
    for (size_t i = 0; i < thread_count_; ++i) {
      threads_.emplace_back([this] { work(); });
      pthread_setname_np(threads_.back().native_handle(), fmt::format("executor-{}", i).c_str());
    }
  } catch (const std::system_error& error) {
    const size_t made = threads_.size();
    stop();
    return Error(Code::resource_exhausted,
                 fmt::format("only {} of {} threads could be made ({}); lower executor.threads",
                             made, thread_count_, error.what()));
  }
  return ok_status();
}

void ThreadPool::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool ThreadPool::submit(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (!running_ || queue_.size() >= queue_limit_) return false;
    queue_.push_back(std::move(work));
    queued_ = queue_.size();
  }
  wake_.notify_one();
  return true;
}

void ThreadPool::parallel_for(size_t n, const std::function<void(size_t)>& body) {
  const size_t helpers = n == 0 ? 0 : std::min(n, thread_count_) - 1;
  if (helpers == 0) {
    for (size_t i = 0; i < n; ++i) body(i);
    return;
  }
  Loop loop{.body = body, .size = n, .helpers_limit = helpers, .done = {}};
  {
    const std::lock_guard lock(mutex_);
    if (running_) loops_.push_back(&loop);
  }
  for (size_t i = 0; i < helpers; ++i) wake_.notify_one();
  loop.run([] { return false; });
  // The caller has run out of indexes; helpers may still be at their last ones. They are on threads
  // of their own, so waiting for them cannot wait for queued work.
  std::unique_lock lock(mutex_);
  std::erase(loops_, &loop);
  loop.done.wait(lock, [&] { return loop.helpers == 0; });
}

ThreadPool::Loop* ThreadPool::next_loop() const {
  if (helpers_ >= helpers_limit_) return nullptr;
  for (Loop* loop : loops_)
    if (loop->helpers < loop->helpers_limit && !loop->exhausted()) return loop;
  return nullptr;
}

void ThreadPool::help(Loop& loop, std::unique_lock<std::mutex>& lock) {
  ++loop.helpers;
  ++helpers_;
  lock.unlock();
  loop.run([this] { return queued_.load(std::memory_order_relaxed) != 0; });
  lock.lock();
  --helpers_;
  // Under the lock: as soon as the caller sees 0 the loop is gone.
  if (--loop.helpers == 0) loop.done.notify_one();
}

void ThreadPool::work() {
  bool loops_first = true;  // taking turns, so that neither kind of work starves the other
  std::unique_lock lock(mutex_);
  while (true) {
    Loop* loop = next_loop();
    if (loop != nullptr && (loops_first || queue_.empty())) {
      loops_first = false;
      help(*loop, lock);
    } else if (!queue_.empty()) {
      loops_first = true;
      std::function<void()> task = std::move(queue_.front());
      queue_.pop_front();
      queued_ = queue_.size();
      lock.unlock();
      task();
      task = nullptr;  // what it captured may take locks of its own when it goes
      lock.lock();
    } else if (!running_) {
      return;
    } else {
      wake_.wait(lock);
    }
  }
}

}  // namespace viridian
