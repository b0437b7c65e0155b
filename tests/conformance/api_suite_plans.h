#pragma once
#include "conformance/api_fixture.h"
#include "conformance/plan_steps.h"

/// What explain tells of how reads are answered. Its counts are those of the reads themselves.
namespace viridian::conformance {

class ApiPlanConformance : public ApiConformance {
 protected:
  static constexpr int kRecords = 40;

  void fill() {
    docs_ = make();
    for (int i = 0; i < kRecords; ++i)
      add(docs_, {{.id = std::to_string(i),
                   .vector = {static_cast<float>(i), 1},
                   .metadata = Metadata{{"n", int64_t{i}}, {"odd", i % 2 == 1}},
                   .document = i % 4 == 0 ? "a whale in the sea" : "a mouse in the house"}});
    update(docs_, {{.id = "7", .metadata = Metadata{{"n", 700_i}}}});
    EXPECT_EQ(remove(docs_, by_ids({"3", "4"})), 2U);
  }

  static std::vector<Selection> selections() {
    const Where small = where(Where::Op::lt, "n", {int64_t{20}});
    std::vector<Selection> all = {{},
                                  by_ids({"1", "2", "3", "x"}),
                                  by_ids({}),
                                  by_where(eq("odd", true)),
                                  by_where(ne("odd", true)),
                                  by_where(small),
                                  by_where(eq("nowhere", 1_i)),
                                  by_where(all_of({eq("odd", false), small})),
                                  by_where(any_of({eq("n", 700_i), eq("n", 1_i)})),
                                  by_document(contains_text("whale")),
                                  by_document(document(Where::Op::document_matches, "m.use"))};
    Selection both = by_document(contains_text("whale"));
    both.where = small;
    all.push_back(both);
    both.ids = ids_of({"0", "8", "9", "36"});
    all.push_back(both);
    return all;
  }

  Explanation explain_get(const GetRequest& request) {
    ExplainRequest explained;
    explained.get = request;
    return must(api().explain(context_, docs_, explained));
  }

  /// The number of records that the last step left, which fetched them.
  static uint64_t fetched(const Explanation& explanation) {
    if (explanation.plan.empty() || explanation.plan.back().name != "fetch") return UINT64_MAX;
    return explanation.plan.back().actual.value_or(UINT64_MAX);
  }

  static uint64_t left_by(const Explanation& explanation, std::string_view name) {
    const auto steps = steps_named(explanation.plan, name);
    EXPECT_EQ(steps.size(), 1U) << name;
    return steps.empty() ? UINT64_MAX : steps.front().actual.value_or(UINT64_MAX);
  }

  void expect_plans_of_gets() {
    for (const Selection& selection : selections()) {
      for (const uint32_t limit : {3U, 100U}) {
        GetRequest request;
        request.selection = selection;
        request.limit = limit;
        request.offset = 1;
        const Explanation plain = explain_get(request);
        const uint64_t found = must(api().get(context_, docs_, request)).records.ids.size();
        EXPECT_EQ(fetched(plain), found);
        EXPECT_EQ(plain.results, found);
        EXPECT_EQ(plain.outcome, std::nullopt);
        EXPECT_EQ(left_by(plain, "page"), found);
        request.order_by = {{"n", true}};
        const Explanation ordered = explain_get(request);
        EXPECT_EQ(fetched(ordered), found);
        EXPECT_EQ(left_by(ordered, "order"), found);
      }
    }
  }

  void expect_plans_of_queries() {
    for (const Selection& selection : selections()) {
      ExplainRequest request{query_of({{5, 1}}, 6, selection), std::nullopt};
      const Explanation explained = must(api().explain(context_, docs_, request));
      const QueryResult result = query(docs_, request.query);
      const uint64_t found = result.records.front().ids.size();
      EXPECT_EQ(explained.results, found);
      EXPECT_EQ(explained.outcome, std::nullopt);
      if (found == 0) {  // nothing is searched or fetched
        EXPECT_EQ(explained.plan.back().actual, 0U);
        EXPECT_TRUE(steps_named(explained.plan, "search").empty());
        continue;
      }
      EXPECT_EQ(fetched(explained), found);
      EXPECT_EQ(left_by(explained, "search"), found);
      EXPECT_EQ(explained.last_distance, result.distances.front().back());
      request.id = "5";
      const Explanation record = must(api().explain(context_, docs_, request));
      EXPECT_NE(record.outcome, std::nullopt);
      EXPECT_EQ(names_of(record.plan), names_of(explained.plan));
      EXPECT_EQ(fetched(record), found);
    }
  }

  /// Those of the steps of a plan that are about a filter or ids.
  void expect_counts_of_filters() {
    for (const Selection& selection : selections()) {
      if (!selection.where && !selection.where_document) continue;
      GetRequest request;
      request.selection = selection;
      const Explanation explained = explain_get(request);
      const uint64_t count = must(api().count_selected(context_, docs_, selection));
      EXPECT_EQ(left_by(explained, selection.ids ? "intersect" : "filter"), count);
      for (const PlanStep& filter : steps_named(explained.plan, "filter")) {
        EXPECT_GE(filter.estimated, filter.actual);
        EXPECT_EQ(filter.steps.back().name, "visible");
        EXPECT_EQ(filter.steps.back().actual, filter.actual);
      }
    }
  }

  CollectionRef docs_;
};

TEST_P(ApiPlanConformance, PlansOfNothing) {
  docs_ = make();
  EXPECT_EQ(fetched(explain_get({})), 0U);
  const Explanation explained =
      must(api().explain(context_, docs_, {query_of({{1, 2}}), std::nullopt}));
  EXPECT_EQ(explained.results, 0U);
  EXPECT_EQ(names_of(explained.plan), Ids{"open"});
  EXPECT_EQ(explained.plan.back().actual, 0U);
}

TEST_P(ApiPlanConformance, CountWhatReadsFind) {
  fill();
  for (int round = 0; round < 2; ++round) {
    expect_plans_of_gets();
    expect_plans_of_queries();
    expect_counts_of_filters();
    EXPECT_OK(api().flush(context_, docs_));
  }
}

TEST_P(ApiPlanConformance, StepsComeInTheirOrder) {
  fill();
  const Selection odd = by_where(eq("odd", true));
  EXPECT_EQ(
      names_of(
          must(api().explain(context_, docs_, {query_of({{5, 1}}, 6, odd), std::nullopt})).plan),
      (Ids{"open", "filter", "search", "fetch"}));
  GetRequest request;
  EXPECT_EQ(names_of(explain_get(request).plan), (Ids{"open", "all", "page", "fetch"}));
  EXPECT_EQ(left_by(explain_get(request), "open"), kRecords - 2U);
  request.selection = odd;
  request.selection.ids = ids_of({"1", "2", "5", "x"});
  EXPECT_EQ(names_of(explain_get(request).plan),
            (Ids{"open", "filter", "ids", "intersect", "page", "fetch"}));
  EXPECT_EQ(left_by(explain_get(request), "ids"), 3U);
  request.order_by = {{"n", false}};
  EXPECT_EQ(names_of(explain_get(request).plan),
            (Ids{"open", "filter", "ids", "intersect", "order", "fetch"}));
}

TEST_P(ApiPlanConformance, RefuseWhatReadsRefuse) {
  fill();
  ExplainRequest request{{}, std::nullopt};
  request.get.emplace().order_by = {{"n", false}, {"n", false}};
  EXPECT_FAILS(Code::invalid_argument, "is there twice", api().explain(context_, docs_, request));
  EXPECT_FAILS(Code::invalid_argument, "Collection expecting embedding with dimension of 2, got 3",
               api().explain(context_, docs_, {query_of({{1, 2, 3}}), std::nullopt}));
  request.get.emplace();
  EXPECT_FAILS(Code::not_found, "does not exist",
               api().explain(context_, {DatabasePath(), Uuid::random()}, request));
}

}  // namespace viridian::conformance
