#include "os/background_threads.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "os/thread_priority.h"

namespace viridian::os {

void BackgroundThreads::parallel_for(size_t n, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < n; i = next++) body(i);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(count_, n); ++i)
    threads.emplace_back([&] {
      lower_thread_priority();
      work();
    });
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace viridian::os
