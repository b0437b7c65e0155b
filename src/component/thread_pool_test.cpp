#include "component/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <set>

namespace viridian {
namespace {

class ThreadPoolTest : public testing::Test {
 protected:
  static std::unique_ptr<ThreadPool> running(size_t threads, size_t queue = 1000) {
    auto pool = std::make_unique<ThreadPool>(threads, queue);
    const Status status = pool->start(Context());
    EXPECT_TRUE(status.ok());
    return pool;
  }
};

TEST_F(ThreadPoolTest, EverythingThatWasTakenRunsBeforeStopReturns) {
  auto pool = running(3);
  std::atomic<int> ran = 0;
  int taken = 0;
  for (int i = 0; i < 500; ++i) taken += pool->submit([&] { ++ran; });
  pool->stop();
  EXPECT_EQ(ran, taken);
  EXPECT_EQ(taken, 500);
  EXPECT_FALSE(pool->submit([] {}));
  pool->stop();
}

TEST_F(ThreadPoolTest, FullQueueRefusesWork) {
  std::promise<void> entered;  // before the pool, which waits for who uses them
  std::promise<void> gate;
  auto pool = running(1, 2);
  ASSERT_TRUE(pool->submit([&] {
    entered.set_value();
    gate.get_future().wait();
  }));
  entered.get_future().wait();
  EXPECT_TRUE(pool->submit([] {}));
  EXPECT_TRUE(pool->submit([] {}));
  EXPECT_FALSE(pool->submit([] {}));
  gate.set_value();
}

TEST_F(ThreadPoolTest, WorkBeforeStartIsRefusedAndLoopsRunOnTheCaller) {
  ThreadPool pool(4, 10);
  EXPECT_FALSE(pool.submit([] {}));
  int sum = 0;
  pool.parallel_for(10, [&](size_t i) { sum += static_cast<int>(i); });
  EXPECT_EQ(sum, 45);
}

TEST_F(ThreadPoolTest, LoopCallsEachIndexOnce) {
  auto pool = running(4);
  for (const size_t n : {0u, 1u, 2u, 3u, 1000u}) {
    std::vector<std::atomic<int>> calls(n);
    pool->parallel_for(n, [&](size_t i) { ++calls[i]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1);
  }
}

TEST_F(ThreadPoolTest, LoopUsesOtherThreads) {
  auto pool = running(2);
  // Each index waits for the other one, so one thread alone would never come back.
  std::atomic<int> arrived = 0;
  pool->parallel_for(2, [&](size_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

// A write is not to wait until somebody's filter is through.
TEST_F(ThreadPoolTest, LoopsLeaveThreadsForOtherWork) {
  const size_t processors = std::max(1u, std::thread::hardware_concurrency());
  auto pool = running(processors + 1);
  std::atomic<bool> done = false;
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto wait = [&](size_t) {
    while (!done && std::chrono::steady_clock::now() < late) std::this_thread::yield();
  };
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; ++c)
    callers.emplace_back([&] { pool->parallel_for(processors + 2, wait); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(pool->submit([&] { done = std::chrono::steady_clock::now() < late; }));
  for (auto& caller : callers) caller.join();
  EXPECT_TRUE(done);
}

TEST_F(ThreadPoolTest, HelpersLeaveALoopForWorkThatWaits) {
  auto pool = running(2);
  std::atomic<bool> helping = false, done = false;
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::thread other([&] {
    while (!helping) std::this_thread::yield();
    // Keeps the other thread of the pool, so that only the helper can do the second.
    pool->submit([&] {
      while (!done && std::chrono::steady_clock::now() < late) std::this_thread::yield();
    });
    pool->submit([&] { done = std::chrono::steady_clock::now() < late; });
  });
  const auto caller = std::this_thread::get_id();
  pool->parallel_for(100'000, [&](size_t) {
    if (std::this_thread::get_id() != caller) {
      helping = true;
      if (!done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } else {
      while (!done && std::chrono::steady_clock::now() < late) std::this_thread::yield();
    }
  });
  other.join();
  EXPECT_TRUE(done);
}

// Every thread sits in work that itself starts loops: nobody is free to help, so each caller must
// be able to finish alone.
TEST_F(ThreadPoolTest, NestedLoopsInBusyThreadsDoNotDeadlock) {
  auto pool = running(2);
  std::atomic<int> total = 0;
  std::vector<std::future<void>> done;
  for (int task = 0; task < 20; ++task) {
    auto promise = std::make_shared<std::promise<void>>();
    done.push_back(promise->get_future());
    ASSERT_TRUE(pool->submit([&, promise] {
      pool->parallel_for(10, [&](size_t) { pool->parallel_for(10, [&](size_t) { ++total; }); });
      promise->set_value();
    }));
  }
  for (auto& one : done) one.wait();
  EXPECT_EQ(total, 2000);
}

TEST_F(ThreadPoolTest, ManyLoopsAtOnceAreAllDone) {
  auto pool = running(3);
  std::atomic<int> total = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 6; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) pool->parallel_for(7, [&](size_t) { ++total; });
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(total, 6 * 200 * 7);
}

TEST_F(ThreadPoolTest, StopDuringALoopLetsItFinish) {
  auto pool = running(2);
  std::atomic<int> ran = 0;
  std::promise<void> begun;
  std::thread caller([&] {
    pool->parallel_for(1000, [&](size_t) {
      if (ran++ == 0) begun.set_value();
    });
  });
  begun.get_future().wait();
  pool->stop();
  caller.join();
  EXPECT_EQ(ran, 1000);
}

TEST_F(ThreadPoolTest, ThreadsHaveNames) {
  auto pool = running(1);
  std::promise<std::string> name;
  ASSERT_TRUE(pool->submit([&] {
    std::array<char, 16> text{};
    pthread_getname_np(pthread_self(), text.data(), text.size());
    name.set_value(text.data());
  }));
  EXPECT_EQ(name.get_future().get(), "executor-0");
}

TEST_F(ThreadPoolTest, SettingsSayHowMany) {
  Settings settings;
  settings.set("executor.threads", "3");
  settings.set("executor.queue", "10");
  System three(Registry(), settings);
  EXPECT_EQ((*ThreadPool::create(three))->concurrency(), 3u);
  settings.set("executor.threads", "0");
  System all(Registry(), settings);
  EXPECT_GE((*ThreadPool::create(all))->concurrency(), 1u);
}

TEST_F(ThreadPoolTest, CanBeStartedAgain) {
  auto pool = running(2);
  pool->stop();
  ASSERT_TRUE(pool->start(Context()).ok());
  std::promise<void> ran;
  ASSERT_TRUE(pool->submit([&] { ran.set_value(); }));
  ran.get_future().wait();
}

}  // namespace
}  // namespace viridian
