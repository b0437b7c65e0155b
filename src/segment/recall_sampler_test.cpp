#include "segment/recall_sampler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>

namespace viridian::segment {
namespace {

/// Keeps what is submitted until it is told to run it.
class HeldWork final : public Executor {
 public:
  bool submit(std::function<void()> work) override {
    if (refuses) return false;
    held.push_back(std::move(work));
    return true;
  }
  void parallel_for(size_t, const std::function<void(size_t)>&) override {}
  size_t concurrency() const override { return 1; }
  void run() {
    const auto all = std::exchange(held, {});
    for (const auto& work : all) work();
  }

  bool refuses = false;
  std::vector<std::function<void()>> held;
};

class RecallSamplerTest : public testing::Test {
 protected:
  using Answers = std::vector<std::vector<Neighbour>>;

  static RecallSampler::Exact giving(std::vector<Neighbour> nearest) {
    return [nearest](const Context&) { return nearest; };
  }
  /// Of a query of which a search found these, and should have found those.
  static void note(RecallSampler& sampler, const std::vector<Neighbour>& found,
                   const std::vector<Neighbour>& nearest) {
    const Answers answers = {found};
    sampler.note(answers, [&](size_t) { return giving(nearest); });
  }
  uint64_t count(const char* name) { return metrics_.counter(name, "").value(); }
  uint64_t neighbours() { return count("viridian_search_sampled_neighbours_total"); }
  uint64_t found() { return count("viridian_search_sampled_found_total"); }
  uint64_t unfinished() { return count("viridian_search_samples_unfinished_total"); }
  double recall() { return metrics_.gauge("viridian_search_sampled_recall", "").value(); }

  obs::Metrics metrics_;
  HeldWork executor_;
};

TEST_F(RecallSamplerTest, ComparesWithTheExactAnswer) {
  RecallSampler sampler(executor_, metrics_, {1, 0});
  EXPECT_EQ(recall(), 1);
  note(sampler, {{1, 0.5F}, {3, 0.7F}}, {{1, 0.5F}, {2, 0.6F}});
  executor_.run();
  EXPECT_EQ(neighbours(), 2u);
  EXPECT_EQ(found(), 1u);
  EXPECT_EQ(recall(), 0.5);
  note(sampler, {{1, 0.5F}, {9, 0.6F}}, {{1, 0.5F}, {2, 0.6F}});  // as near is as good
  executor_.run();
  EXPECT_EQ(neighbours(), 4u);
  EXPECT_EQ(found(), 3u);
  EXPECT_EQ(recall(), 0.75);
  EXPECT_EQ(unfinished(), 0u);
}

TEST_F(RecallSamplerTest, LooksAtOneOfEveryN) {
  RecallSampler sampler(executor_, metrics_, {10, 0});
  std::vector<size_t> chosen;
  const auto note = [&](size_t queries) {
    const Answers answers(queries);
    sampler.note(answers, [&](size_t i) {
      chosen.push_back(i);
      return giving({});
    });
    executor_.run();
  };
  for (const size_t queries : {9, 1, 4, 5, 4, 0, 25, 1, 1}) note(queries);
  EXPECT_EQ(chosen, (std::vector<size_t>{0, 0, 6, 0}));
}

TEST_F(RecallSamplerTest, NeverMeansNever) {
  RecallSampler sampler(executor_, metrics_, {});
  for (int i = 0; i < 5; ++i) note(sampler, {}, {});
  EXPECT_TRUE(executor_.held.empty());
}

TEST_F(RecallSamplerTest, WhatComesWhileOneIsUnderWayIsPassedOver) {
  RecallSampler sampler(executor_, metrics_, {1, 0});
  note(sampler, {{1, 1}}, {{1, 1}});
  note(sampler, {{1, 1}}, {{2, 0.5F}});
  EXPECT_EQ(executor_.held.size(), 1u);
  executor_.run();
  EXPECT_EQ(neighbours(), 1u);
  EXPECT_EQ(found(), 1u);
}

TEST_F(RecallSamplerTest, APauseFollowsInProportionToTheWork) {
  RecallSampler sampler(executor_, metrics_, {1, 1'000'000});
  note(sampler, {{1, 1}}, {{1, 1}});
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  executor_.run();
  note(sampler, {{1, 1}}, {{1, 1}});
  EXPECT_TRUE(executor_.held.empty());
}

TEST_F(RecallSamplerTest, ABusyExecutorIsLeftAlone) {
  RecallSampler sampler(executor_, metrics_, {1, 0});
  executor_.refuses = true;
  note(sampler, {{1, 1}}, {{1, 1}});
  executor_.refuses = false;
  note(sampler, {{1, 1}}, {{1, 1}});
  EXPECT_EQ(executor_.held.size(), 1u);
  executor_.run();
  EXPECT_EQ(neighbours(), 1u);
}

TEST_F(RecallSamplerTest, WhatFailsOrHasNoTimeIsCountedApart) {
  RecallSampler sampler(executor_, metrics_, {1, 0});
  const Answers answers(1);
  std::optional<Context::Clock::time_point> deadline;
  sampler.note(answers, [&](size_t) {
    return [&](const Context& context) -> Result<std::vector<Neighbour>> {
      deadline = context.deadline();
      return Error(Code::deadline_exceeded, "too large");
    };
  });
  executor_.run();
  ASSERT_TRUE(deadline);
  EXPECT_LE(*deadline, Context::Clock::now() + std::chrono::seconds(10));
  EXPECT_EQ(unfinished(), 1u);
  EXPECT_EQ(neighbours(), 0u);
}

TEST_F(RecallSamplerTest, StoppingEndsWhatIsUnderWay) {
  RecallSampler sampler(executor_, metrics_, {1, 0});
  const Answers answers(1);
  std::atomic<bool> begun = false;
  const auto kept = std::make_shared<int>(0);
  sampler.note(answers, [&](size_t) {
    return [&begun, kept](const Context& context) -> Result<std::vector<Neighbour>> {
      begun = true;
      while (context.check().ok()) std::this_thread::yield();
      return context.check().error();
    };
  });
  std::thread worker([&] { executor_.run(); });
  while (!begun) std::this_thread::yield();
  sampler.stop();
  EXPECT_EQ(kept.use_count(), 1);  // nothing of the job is left
  worker.join();
  EXPECT_EQ(unfinished(), 1u);
  note(sampler, {}, {});
  EXPECT_TRUE(executor_.held.empty());
}

}  // namespace
}  // namespace viridian::segment
