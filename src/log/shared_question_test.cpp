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

TEST(SharedQuestion, WhoGoesAwayTakesNobodyAlong) {
  SharedQuestion<int> question;
  const Uuid about = Uuid::random();
  std::atomic<bool> first_asks = false, release = false;
  const auto slow = [&](const Context&) -> Result<int> {
    first_asks = true;
    while (!release) std::this_thread::yield();
    return 1;
  };
  std::thread first([&] { EXPECT_EQ(question.answer(Context(), about, slow).value(), 1); });
  while (!first_asks) std::this_thread::yield();
  // The next to ask goes away while it waits, the one after it while it asks.
  const auto gone = question.answer(Context::with_timeout(20ms), about, slow);
  EXPECT_EQ(gone.error().code(), Code::deadline_exceeded);
  std::atomic<bool> second_asks = false;
  Context cancelled;
  std::thread second([&] {
    const auto answer = question.answer(cancelled, about, [&](const Context& context) {
      second_asks = true;
      while (context.check().ok()) std::this_thread::yield();
      return Result<int>(context.check().error());
    });
    EXPECT_EQ(answer.error().code(), Code::cancelled);
  });
  std::thread third([&] {
    while (!second_asks && !release) std::this_thread::yield();
    const auto answer =
        question.answer(Context(), about, [](const Context&) { return Result<int>(3); });
    EXPECT_EQ(answer.value(), 3);
  });
  release = true;
  first.join();
  while (!second_asks) std::this_thread::yield();
  cancelled.cancel();
  second.join();
  third.join();
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
