// What segments tell of how they find things: the counts are those of what was done.
#include <gtest/gtest.h>

#include <algorithm>

#include "conformance/plan_steps.h"
#include "property/segment_rig.h"
#include "segment/graph_reader.h"

namespace viridian::conformance {
namespace {

class PlanTraces : public testing::Test {
 protected:
  struct Traced {
    uint64_t found = 0;
    PlanStep filter;
  };

  Traced filter(SegmentRig& rig, const Where& where, uint64_t count = UINT64_MAX) {
    const auto found = rig.view()->metadata().filter_page(traced_, where, 0, count);
    EXPECT_TRUE(found.ok()) << found.error().message();
    std::vector<PlanStep> steps = kept_->take();
    EXPECT_EQ(names_of(steps), std::vector<std::string>{"filter"});
    if (!found.ok() || steps.empty()) return {};
    return {found->size(), std::move(steps.front())};
  }

  /// The one condition of a filter, or its tree.
  PlanStep root(SegmentRig& rig, const Where& where) {
    const Traced traced = filter(rig, where);
    EXPECT_FALSE(traced.filter.steps.empty());
    return traced.filter.steps.empty() ? PlanStep() : traced.filter.steps.front();
  }

  std::vector<PlanStep> search(SegmentRig& rig, const VectorQuery& query,
                               std::optional<segment::SearchPlan> by = {}) {
    const auto view = rig.view();
    const auto* graph = dynamic_cast<const segment::GraphVectorReader*>(&view->vectors());
    const auto found = graph != nullptr ? graph->search_by(traced_, query, by)
                                        : view->vectors().search(traced_, query);
    EXPECT_TRUE(found.ok()) << found.error().message();
    return kept_->take();
  }

  static uint64_t sum(const std::vector<PlanStep>& steps,
                      std::optional<uint64_t> PlanStep::*count) {
    uint64_t sum = 0;
    for (const PlanStep& step : steps) sum += (step.*count).value_or(0);
    return sum;
  }

  const std::shared_ptr<KeptSteps> kept_ = std::make_shared<KeptSteps>();
  const Context traced_ = Context().with_trace(kept_);
};

void expect_sound(const PlanStep& step) {
  EXPECT_LE(step.actual, step.among) << step.name << ' ' << step.on;
  EXPECT_LE(step.actual, step.estimated) << step.name << ' ' << step.on;
  if (step.how == "rows") {
    EXPECT_EQ(step.looked_at, step.among) << step.on;
  }
  uint64_t left = 0;
  for (const PlanStep& child : step.steps) {
    expect_sound(child);
    EXPECT_LE(child.among, step.among);
    left += *child.actual;
    EXPECT_TRUE(step.name == "all" || step.actual >= child.actual) << step.name;
  }
  EXPECT_TRUE(step.name != "any" || step.actual <= left);
}

TEST_F(PlanTraces, CountsOfRandomFilters) {
  constexpr uint64_t kSeeds = 6;
  constexpr int kStates = 6, kFilters = 150;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SegmentRig rig;
    Generator generator(seed, 900);
    for (int state = 0; state < kStates; ++state) {
      for (int batches = 1 + generator.below(6); batches > 0; --batches)
        rig.apply(generator.batch(600));
      if (generator.below(3) == 0) rig.seal();
      for (int i = 0; i < kFilters; ++i) {
        const auto [found, step] = filter(rig, generator.where(i % 5));
        EXPECT_EQ(step.actual, found);
        const PlanStep& visible = step.steps.back();
        ASSERT_EQ(visible.name, "visible");
        EXPECT_EQ(visible.actual, found);
        const std::vector<PlanStep> selecting(step.steps.begin(), step.steps.end() - 1);
        EXPECT_EQ(visible.among, sum(selecting, &PlanStep::actual));
        for (const PlanStep& each : selecting) expect_sound(each);
        if (HasFailure()) FAIL() << "seed " << seed << ", state " << state << ", filter " << i;
      }
    }
  }
}

Row numbered(int i) {
  return {.id = std::to_string(i),
          .vector = {static_cast<float>(i), 1},
          .metadata = Metadata{{"n", int64_t{i}}, {"even", i % 2 == 0}},
          .document = "about number" + std::to_string(i),
          .uri = "u" + std::to_string(i % 100)};
}

void add_numbered(SegmentRig& rig, int first, int last) {
  std::vector<Row> rows;
  for (int i = first; i < last; ++i) rows.push_back(numbered(i));
  rig.apply(batch_of(Operation::add, rows));
}

TEST_F(PlanTraces, SayHowEachConditionWasAnswered) {
  SegmentRig rig;
  add_numbered(rig, 0, 2000);
  rig.seal();
  const Where late = where(Where::Op::gte, "n", {int64_t{1990}});
  const PlanStep lists = root(rig, late);
  EXPECT_EQ(lists.name, "condition");
  EXPECT_EQ(lists.on, R"({"n":{"$gte":1990}})");
  EXPECT_EQ(lists.how, "lists");
  EXPECT_EQ(lists.among, 2000U);
  EXPECT_EQ(lists.estimated, 10U);
  EXPECT_EQ(lists.actual, 10U);
  EXPECT_EQ(lists.looked_at, 0U);
  EXPECT_GT(lists.cost, 0);

  const PlanStep texts = root(rig, contains_text("number1234"));
  EXPECT_EQ(texts.how, "trigrams");
  EXPECT_EQ(texts.actual, 1U);
  EXPECT_GE(texts.looked_at, 1U);
  EXPECT_LE(texts.looked_at, texts.estimated);
  EXPECT_LT(texts.looked_at, 200U);

  const Where uri = where(Where::Op::eq, std::string(Where::kUriKey), {"u95"});
  const PlanStep rows = root(rig, uri);
  EXPECT_EQ(rows.how, "rows");
  EXPECT_EQ(rows.looked_at, 2000U);
  EXPECT_EQ(rows.actual, 20U);

  // Whoever leaves fewest goes first, and the rest is asked about what is left.
  const PlanStep all = root(rig, all_of({uri, late}));
  EXPECT_EQ(all.name, "all");
  EXPECT_EQ(all.actual, 1U);
  ASSERT_EQ(all.steps.size(), 2U);
  EXPECT_EQ(all.steps[0].on, lists.on);
  EXPECT_EQ(all.steps[0].actual, 10U);
  EXPECT_EQ(all.steps[1].how, "rows");
  EXPECT_EQ(all.steps[1].among, 10U);
  EXPECT_EQ(all.steps[1].looked_at, 10U);
  EXPECT_EQ(all.steps[1].actual, 1U);
}

TEST_F(PlanTraces, TellRowsWithoutAnIndexAndRowsThatEnded) {
  SegmentRig rig;
  add_numbered(rig, 0, 1000);
  rig.seal();
  add_numbered(rig, 1000, 1100);  // too few for a block of the head
  rig.apply(batch_of(Operation::remove, {{.id = "0"}, {.id = "2"}, {.id = "1000"}}));
  const auto [found, step] = filter(rig, eq("even", true));
  EXPECT_EQ(found, 547U);
  EXPECT_EQ(step.on, "2 of 2 blocks");
  EXPECT_EQ(names_of(step.steps), (std::vector<std::string>{"condition", "unindexed", "visible"}));
  EXPECT_EQ(step.steps[0].actual, 500U);
  EXPECT_EQ(step.steps[1].looked_at, 99U);
  EXPECT_EQ(step.steps[1].actual, 49U);
  EXPECT_EQ(step.steps[2].among, 549U);
  // Block after block, as far as the page needs: the sealed one, which has enough.
  const PlanStep page = filter(rig, eq("even", true), 5).filter;
  EXPECT_EQ(steps_named({page}, "unindexed").size(), page.on == "1 of 2 blocks" ? 0U : 1U);
  // A block that its lists rule out was searched, too.
  const PlanStep nothing = filter(rig, eq("n", int64_t{5000})).filter;
  EXPECT_EQ(nothing.on, "2 of 2 blocks");
  EXPECT_EQ(nothing.steps[0].estimated, 0U);
  EXPECT_EQ(nothing.steps[0].actual, 0U);
}

TEST_F(PlanTraces, AreNoDeeperThanAnswersMayBe) {
  SegmentRig rig;
  add_numbered(rig, 0, 600);
  rig.seal();
  const Where even = eq("even", true);
  Where nested = any_of({even, eq("n", int64_t{3})});
  for (int i = 0; i < 60; ++i)
    nested = group(i % 2 == 0 ? Where::Op::all : Where::Op::any, {std::move(nested), even});
  const PlanStep step = root(rig, nested);
  EXPECT_EQ(step.actual, 300U);
  int depth = 0;
  std::vector<PlanStep> level = {step};
  while (!level.empty()) {
    ++depth;
    std::vector<PlanStep> below;
    for (PlanStep& each : level)
      for (PlanStep& inner : each.steps) below.push_back(std::move(inner));
    level = std::move(below);
  }
  EXPECT_EQ(depth, 32);
}

TEST_F(PlanTraces, ReadingCountsEveryRow) {
  SegmentRig rig;
  add_numbered(rig, 0, 3000);
  rig.seal();
  add_numbered(rig, 3000, 5000);
  rig.apply(batch_of(Operation::remove, {{.id = "5"}, {.id = "3001"}}));
  Matrix vector{2, {}};
  vector.values.assign({1, 1});
  const std::vector<PlanStep> all = search(rig, {&vector, 10});
  EXPECT_EQ(names_of(all), (std::vector<std::string>{"read", "read"}));
  EXPECT_EQ(all.front().on.substr(0, 5), "file ");
  EXPECT_EQ(all.front().among, 3000U);
  EXPECT_EQ(all.front().actual, 2999U);
  EXPECT_EQ(all.back().on, "head");
  EXPECT_EQ(all.back().actual, 1999U);
  OffsetSet allowed;
  for (Offset offset = 0; offset < 4000; offset += 2) allowed.insert(offset);
  const std::vector<PlanStep> some = search(rig, {&vector, 10, &allowed});
  EXPECT_EQ(sum(some, &PlanStep::actual), allowed.size());
  EXPECT_EQ(sum(some, &PlanStep::looked_at), 4998U);
  OffsetSet few;
  for (Offset offset = 0; offset < 100; offset += 10) few.insert(offset);
  const std::vector<PlanStep> looked_up = search(rig, {&vector, 10, &few});
  ASSERT_EQ(names_of(looked_up), std::vector<std::string>{"read"});
  EXPECT_EQ(looked_up.front().on, "rows by their offsets");
  EXPECT_EQ(looked_up.front().actual, 10U);
}

class GraphPlanTraces : public PlanTraces {
 protected:
  static constexpr int kFile = 2500, kHead = 300;
  static constexpr uint32_t kDim = 40;

  GraphPlanTraces() {
    add(0, kFile);
    rig_.seal();
    while (const auto range = rig_.vectors().merge_due()) rig_.merge(true, *range);
    add(kFile, kFile + kHead);
    const std::vector<float> values = made();
    vector_.values.assign(values.begin(), values.end());
    allowed_ = *rig_.view()->metadata().all(Context());
  }
  std::vector<float> made() {
    std::vector<float> vector(kDim);
    const int centre = generator_.below(20);
    for (uint32_t i = 0; i < kDim; ++i)
      vector[i] = static_cast<float>((centre * 7919 + static_cast<int>(i) * 104729) % 13) +
                  static_cast<float>(generator_.below(1000)) / 300;
    return vector;
  }
  void add(int first, int last) {
    std::vector<Row> rows;
    for (int i = first; i < last; ++i) rows.push_back({.id = std::to_string(i), .vector = made()});
    rig_.apply(batch_of(Operation::add, rows));
  }

  Generator generator_{7};
  SegmentRig rig_{1000};
  Matrix vector_{kDim, {}};
  OffsetSet allowed_;
};

TEST_F(GraphPlanTraces, SayWhichPlanAFileTook) {
  const VectorQuery query{&vector_, 10};
  const std::vector<PlanStep> all = search(rig_, query);
  const std::vector<PlanStep> walks = steps_named(all, "walk");
  ASSERT_EQ(walks.size(), 1U);
  EXPECT_EQ(walks[0].how, "walk");
  EXPECT_EQ(all.front().name, "load");
  // Blocks of rows of the head get codes, and keep them.
  const std::vector<PlanStep> encoded = steps_named(all, "encode");
  ASSERT_EQ(encoded.size(), 1U);
  EXPECT_EQ(encoded[0].actual, sum(steps_named(all, "scan"), &PlanStep::looked_at));
  EXPECT_TRUE(steps_named(search(rig_, query), "encode").empty());
  EXPECT_EQ(walks[0].among, uint64_t{kFile});
  EXPECT_EQ(walks[0].share, 1.0);
  const Offset in_file = allowed_.slice(0, 1).front();
  EXPECT_EQ(walks[0].breadth, rig_.view()->vectors().way_to(Context(), query, in_file)->breadth);
  EXPECT_GE(walks[0].actual, 10U);
  EXPECT_GT(walks[0].looked_at, walks[0].actual);
  EXPECT_LT(walks[0].looked_at, uint64_t{kFile});
  // The head is searched by its codes, which rule out most of it.
  std::vector<PlanStep> head = all;
  std::erase_if(head, [](const PlanStep& step) { return step.on != "head"; });
  ASSERT_FALSE(head.empty());
  EXPECT_EQ(sum(head, &PlanStep::looked_at), uint64_t{kHead});
  const PlanStep codes = steps_named(head, "scan").front();
  EXPECT_GE(codes.actual, 10U);
  EXPECT_LT(codes.actual, codes.looked_at);

  OffsetSet some;
  for (const Offset offset : allowed_.slice(0, kFile)) {
    if (offset % 5 == 0) some.insert(offset);
  }
  const VectorQuery filtered{&vector_, 10, &some};
  const auto of_file = [&](segment::SearchPlan by, const char* name) {
    const std::vector<PlanStep> steps = steps_named(search(rig_, filtered, by), name);
    for (const PlanStep& step : steps)
      if (step.share) return step;
    ADD_FAILURE() << "no " << name;
    return PlanStep();
  };
  const PlanStep scan = of_file(segment::SearchPlan::scan, "scan");
  EXPECT_EQ(scan.estimated, some.size());
  EXPECT_EQ(scan.share, static_cast<double>(some.size()) / kFile);
  EXPECT_EQ(scan.looked_at, some.size());
  EXPECT_LE(scan.actual, some.size());
  const PlanStep read = of_file(segment::SearchPlan::read, "read");
  EXPECT_EQ(read.actual, some.size());
  EXPECT_EQ(read.looked_at, some.size());
  EXPECT_GT(read.cost, 0);
}

TEST_F(GraphPlanTraces, AnExactSearchReadsTheFile) {
  const std::vector<PlanStep> steps = search(rig_, {.vectors = &vector_, .k = 10, .recall = 1});
  EXPECT_TRUE(steps_named(steps, "walk").empty());
  const std::vector<PlanStep> reads = steps_named(steps, "read");
  ASSERT_FALSE(reads.empty());
  EXPECT_EQ(reads.front().actual, uint64_t{kFile});
}

}  // namespace
}  // namespace viridian::conformance
