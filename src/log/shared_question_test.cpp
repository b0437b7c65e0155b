#include "log/shared_question.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace viridian::log {
namespace {

using namespace std::chrono_literals;

TEST(SharedQuestion, EveryAnswerWasAskedForAfterItsCallerCame) {
  SharedQuestion<int> question;
  const Uuid about = Uuid::random();
  std::atomic<int> now = 0, asked = 0;
  std::atomic<int> under_way = 0;
  std::vector<std::thread> callers;
  constexpr int kCallers = 8, kTimes = 200;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      for (int time = 0; time < kTimes; ++time) {
        const int came = ++now;
        const auto answer = question.answer(Context(), about, [&](const Context&) -> Result<int> {
          EXPECT_EQ(++under_way, 1);
          ++asked;
          const int known = now;
          std::this_thread::sleep_for(100us);
          --under_way;
          return known;
        });
        ASSERT_TRUE(answer.ok());
        EXPECT_GE(*answer, came) << "an answer from before the question";
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_LT(asked, kCallers * kTimes / 2) << "hardly any question was shared";
}

TEST(SharedQuestion, DifferentThingsDoNotWaitForEachOther) {
  SharedQuestion<int> question;
  const auto outer = question.answer(Context(), Uuid::random(), [&](const Context&) {
    return question.answer(Context(), Uuid::random(),
                           [](const Context&) { return Result<int>(7); });
  });
  EXPECT_EQ(outer.value(), 7);
}

TEST(SharedQuestion, WhoGoesAwayWhileItWaitsTakesNobodyAlong) {
  SharedQuestion<int> question;
  const Uuid about = Uuid::random();
  std::atomic<bool> first_asks = false, release = false;
  std::thread first([&] {
    const auto answer = question.answer(Context(), about, [&](const Context&) -> Result<int> {
      first_asks = true;
      while (!release) std::this_thread::yield();
      return 1;
    });
    EXPECT_EQ(answer.value_or(0), 1);
  });
  while (!first_asks) std::this_thread::yield();
  // It was to ask next, also for the other, who comes later most of the time.
  std::thread goes_away([&] {
    const auto answer = question.answer(Context::with_timeout(50ms), about,
                                        [](const Context&) { return Result<int>(2); });
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code(), Code::deadline_exceeded);
  });
  std::this_thread::sleep_for(10ms);
  std::thread stays([&] {
    const auto answer =
        question.answer(Context(), about, [](const Context&) { return Result<int>(3); });
    EXPECT_EQ(answer.value_or(0), 3);
  });
  goes_away.join();
  release = true;
  first.join();
  stays.join();
}

TEST(SharedQuestion, WhoGoesAwayWhileItAsksTakesNobodyAlong) {
  SharedQuestion<int> question;
  const Uuid about = Uuid::random();
  std::atomic<bool> asks = false;
  Context cancelled;
  std::thread goes_away([&] {
    const auto answer = question.answer(cancelled, about, [&](const Context& context) {
      asks = true;
      while (context.check().ok()) std::this_thread::yield();
      return Result<int>(context.check().error());
    });
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code(), Code::cancelled);
  });
  while (!asks) std::this_thread::yield();
  std::thread stays([&] {
    const auto answer =
        question.answer(Context(), about, [](const Context&) { return Result<int>(3); });
    EXPECT_EQ(answer.value_or(0), 3);
  });
  cancelled.cancel();
  goes_away.join();
  stays.join();
}

TEST(SharedQuestion, FailureIsEverybodysAnswer) {
  SharedQuestion<int> question;
  const auto answer = question.answer(Context(), Uuid::random(), [](const Context&) {
    return Result<int>(Error(Code::unavailable, "not now"));
  });
  EXPECT_EQ(answer.error().code(), Code::unavailable);
}

}  // namespace
}  // namespace viridian::log
