#pragma once
#include <cmath>
#include <limits>

#include "conformance/api_fixture.h"

/// get, query and count.
namespace viridian::conformance {

TEST_P(ApiConformance, NewCollectionIsEmptyForEveryRead) {
  const CollectionRef docs = make();
  EXPECT_EQ(ids(docs), Ids{});
  for (const ReadLevel level :
       {ReadLevel::index_and_wal, ReadLevel::index_only, ReadLevel::index_and_bounded_wal})
    EXPECT_EQ(count(docs, level), 0U);
  const QueryResult result = query(docs, query_of({{1, 2, 3}, {4, 5, 6}}));
  ASSERT_EQ(result.records.size(), 2U);
  EXPECT_TRUE(result.records[0].ids.empty());
  EXPECT_TRUE(result.records[1].ids.empty());
  EXPECT_EQ(result.distances, (std::vector<std::vector<float>>{{}, {}}));
}

TEST_P(ApiConformance, GetGivesNaturalOrderWhateverTheIds) {
  const CollectionRef docs = make();
  for (const std::string id : {"a", "b", "c", "d"}) add(docs, {{.id = id, .vector = {1, 2}}});
  EXPECT_EQ(ids(docs, by_ids({"d", "a", "b"})), (Ids{"a", "b", "d"}));
  EXPECT_EQ(ids(docs, by_ids({"a", "a"})), Ids{"a"});
  EXPECT_EQ(ids(docs, by_ids({"a", "unknown"})), Ids{"a"});
  EXPECT_EQ(ids(docs, by_ids({})), Ids{});
  EXPECT_EQ(ids(docs), (Ids{"a", "b", "c", "d"}));
}

TEST_P(ApiConformance, GetPages) {
  const CollectionRef docs = make();
  for (const std::string id : {"a", "b", "c", "d", "e"}) add(docs, {{.id = id, .vector = {1, 2}}});
  const auto page = [&](std::optional<uint32_t> limit, uint32_t offset, Selection selection = {}) {
    GetRequest request;
    request.selection = std::move(selection);
    request.limit = limit;
    request.offset = offset;
    return strings(must(api().get(context_, docs, request)).records.ids);
  };
  EXPECT_EQ(page(2, 0), (Ids{"a", "b"}));
  EXPECT_EQ(page(2, 3), (Ids{"d", "e"}));
  EXPECT_EQ(page(2, 4), Ids{"e"});
  EXPECT_EQ(page(2, 5), Ids{});
  EXPECT_EQ(page(0, 0), Ids{});
  EXPECT_EQ(page({}, 3), (Ids{"d", "e"}));
  EXPECT_EQ(page(std::numeric_limits<uint32_t>::max(), 0).size(), 5U);
  EXPECT_EQ(page({}, std::numeric_limits<uint32_t>::max()), Ids{});
  EXPECT_EQ(page(1, 1, by_ids({"e", "c", "a"})), Ids{"c"});
}

TEST_P(ApiConformance, GetGivesTheIncludedColumnsOnly) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}, .metadata = Metadata{{"k", 1_i}}, .document = "x"},
             {.id = "b", .vector = {3, 4}, .uri = "file:b"}});
  const GetResult standard = must(api().get(context_, docs, {}));
  EXPECT_EQ(standard.include, (std::vector<Include>{Include::documents, Include::metadatas}));
  EXPECT_EQ(standard.records.documents.size(), 2U);
  EXPECT_EQ(standard.records.documents[0], "x");
  EXPECT_EQ(standard.records.documents[1], std::nullopt);
  EXPECT_EQ(standard.records.metadatas.size(), 2U);
  EXPECT_EQ(standard.records.embeddings.rows(), 0U);
  EXPECT_TRUE(standard.records.uris.empty());
  const RecordColumns all = get(docs);
  EXPECT_EQ(all.embeddings.rows(), 2U);
  EXPECT_EQ(row_of(all.embeddings, 1), (std::vector<float>{3, 4}));
  EXPECT_EQ(all.uris[0], std::nullopt);
  EXPECT_EQ(all.uris[1], "file:b");
  GetRequest bare;
  bare.include = {Include::distances, Include::distances};
  const GetResult result = must(api().get(context_, docs, bare));
  EXPECT_EQ(result.include, bare.include);
  EXPECT_EQ(strings(result.records.ids), (Ids{"a", "b"}));
  EXPECT_TRUE(result.records.documents.empty());
  EXPECT_TRUE(result.records.metadatas.empty());
}

TEST_P(ApiConformance, QueryGivesTheIncludedColumnsOnly) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}, .metadata = Metadata{{"k", 1_i}}, .document = "x"}});
  QueryRequest request = query_of({{1, 2}});
  const QueryResult standard = query(docs, request);
  EXPECT_EQ(standard.records.at(0).documents[0], "x");
  EXPECT_EQ(standard.records[0].metadatas.at(0), (Metadata{{"k", 1_i}}));
  EXPECT_EQ(standard.records[0].embeddings.rows(), 0U);
  EXPECT_EQ(standard.distances, (std::vector<std::vector<float>>{{0}}));
  request.include = {Include::embeddings};
  const QueryResult vectors = query(docs, request);
  EXPECT_EQ(vectors.include, request.include);
  EXPECT_EQ(row_of(vectors.records.at(0).embeddings, 0), (std::vector<float>{1, 2}));
  EXPECT_TRUE(vectors.records[0].documents.empty());
  EXPECT_TRUE(vectors.distances.empty());
}

struct DistanceCase {
  Space space;
  std::vector<std::pair<std::string, float>> nearest;
};

TEST_P(ApiConformance, DistancesAreThoseOfTheSpaces) {
  const std::vector<Row> l2{{.id = "02", .vector = {0, 2}},
                            {.id = "10", .vector = {1, 0}},
                            {.id = "00", .vector = {0, 0}},
                            {.id = "34", .vector = {3, 4}}};
  const std::vector<DistanceCase> cases{
      {Space::l2, {{"02", 1}, {"10", 4}, {"00", 5}, {"34", 8}}},
      {Space::cosine, {{"34", 0.01613009F}, {"02", 0.10557282F}, {"10", 0.5527864F}, {"00", 1}}},
      {Space::ip, {{"34", -10}, {"02", -3}, {"10", 0}, {"00", 1}}}};
  for (const DistanceCase& expected : cases) {
    const CollectionRef docs = make("docs" + std::to_string(int(expected.space)), expected.space);
    add(docs, l2);
    const QueryResult result = query(docs, query_of({{1, 2}}));
    ASSERT_EQ(result.records.at(0).ids.size(), 4U);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(result.records[0].ids[i], expected.nearest[i].first);
      EXPECT_NEAR(result.distances.at(0).at(i), expected.nearest[i].second, 1e-6);
    }
  }
}

TEST_P(ApiConformance, ZeroVectorIsAtCosineDistanceOneFromItself) {
  const CollectionRef docs = make("docs", Space::cosine);
  add(docs, {{.id = "zero", .vector = {0, 0}}});
  EXPECT_FLOAT_EQ(query(docs, query_of({{0, 0}})).distances.at(0).at(0), 1.0F);
}

TEST_P(ApiConformance, EqualDistancesKeepNaturalOrder) {
  const CollectionRef docs = make();
  for (const std::string id : {"d", "b", "a", "c"}) add(docs, {{.id = id, .vector = {1, 2}}});
  EXPECT_EQ(nearest(docs, {0, 0}), (Ids{"d", "b", "a", "c"}));
  EXPECT_EQ(nearest(docs, {0, 0}, 2), (Ids{"d", "b"}));
}

TEST_P(ApiConformance, ResultsAreAsManyAsAskedForOrAvailable) {
  const CollectionRef docs = make();
  for (int i = 0; i < 13; ++i)
    add(docs, {{.id = std::to_string(i), .vector = {static_cast<float>(i), 0}}});
  EXPECT_EQ(nearest(docs, {0, 0}, 0), Ids{});
  EXPECT_EQ(nearest(docs, {0, 0}, 3), (Ids{"0", "1", "2"}));
  EXPECT_EQ(nearest(docs, {0, 0}, 100).size(), 13U);
  EXPECT_EQ(nearest(docs, {0, 0}, std::numeric_limits<uint32_t>::max()).size(), 13U);
  EXPECT_EQ(QueryRequest().n_results, 10U);
  const QueryResult none = query(docs, query_of({{0, 0}}, 0));
  EXPECT_EQ(none.distances, std::vector<std::vector<float>>{{}});
}

TEST_P(ApiConformance, EachQueryVectorHasItsOwnList) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {0, 0}}, {.id = "b", .vector = {10, 10}}});
  const QueryResult result = query(docs, query_of({{1, 1}, {9, 9}, {0, 0}}, 1));
  ASSERT_EQ(result.records.size(), 3U);
  EXPECT_EQ(strings(result.records[0].ids), Ids{"a"});
  EXPECT_EQ(strings(result.records[1].ids), Ids{"b"});
  EXPECT_EQ(strings(result.records[2].ids), Ids{"a"});
  EXPECT_EQ(result.distances, (std::vector<std::vector<float>>{{2}, {2}, {0}}));
  EXPECT_TRUE(query(docs, query_of({})).records.empty());
}

TEST_P(ApiConformance, BadQueryVectorsAreRefused) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}}});
  EXPECT_FAILS(Code::invalid_argument, "Collection expecting embedding with dimension of 2, got 3",
               api().query(context_, docs, query_of({{1, 2, 3}})));
  EXPECT_FAILS(Code::invalid_argument, "Collection expecting embedding with dimension of 2, got 0",
               api().query(context_, docs, query_of({{}})));
  const auto refused =
      api().query(context_, docs, query_of({{1, std::numeric_limits<float>::quiet_NaN()}}));
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(remove(docs, by_ids({"a"})), 1U);
  EXPECT_FAILS(Code::invalid_argument, "Collection expecting embedding with dimension of 2, got 3",
               api().query(context_, docs, query_of({{1, 2, 3}})));
  EXPECT_EQ(nearest(docs, {1, 2}), Ids{});
}

TEST_P(ApiConformance, QueriesSayWhatShareOfTheNearestTheyWant) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}}, {.id = "b", .vector = {3, 4}}});
  QueryRequest request = query_of({{1, 2}}, 2);
  for (const double recall : {0.001, 0.5, 1.0}) {
    request.recall_target = recall;
    EXPECT_EQ(strings(query(docs, request).records.at(0).ids), (Ids{"a", "b"}));
  }
  for (const double recall : {0.0, -0.5, 1.5}) {
    request.recall_target = recall;
    EXPECT_FAILS(Code::invalid_argument, "must be above 0 and at most 1",
                 api().query(context_, docs, request));
  }
}

TEST_P(ApiConformance, ExplainSaysWhyARecordIsAmongTheResultsOrNot) {
  using Outcome = Explanation::Outcome;
  const CollectionRef docs = make();
  const auto explain = [&](const std::string& id, uint32_t n_results, Selection selection = {}) {
    ExplainRequest request{query_of({{0, 0}}, n_results, std::move(selection)), id};
    Explanation explanation = must(api().explain(context_, docs, request));
    explanation.plan.clear();  // see api_suite_plans.h
    return explanation;
  };
  const Explanation nowhere{Outcome::no_such_record, {}, {}, 0, {}, {}};
  EXPECT_EQ(explain("3", 10), nowhere);  // nor is there any other
  for (int i = 0; i < 8; ++i)
    add(docs, {{.id = std::to_string(i),
                .vector = {static_cast<float>(i), 0},
                .metadata = Metadata{{"odd", i % 2 == 1}}}});
  EXPECT_EQ(explain("nobody", 10), nowhere);
  EXPECT_EQ(explain("3", 5), (Explanation{Outcome::returned, 4, 9.0F, 5, 16.0F, Searched{}}));
  EXPECT_EQ(explain("3", 100), (Explanation{Outcome::returned, 4, 9.0F, 8, 49.0F, Searched{}}));
  EXPECT_EQ(explain("6", 5), (Explanation{Outcome::outranked, {}, 36.0F, 5, 16.0F, Searched{}}));
  const Selection odd = by_where(eq("odd", true));
  EXPECT_EQ(explain("3", 5, odd), (Explanation{Outcome::returned, 2, 9.0F, 4, 49.0F, Searched{}}));
  EXPECT_EQ(explain("2", 5, odd), (Explanation{Outcome::filtered_out, {}, 4.0F, 4, 49.0F, {}}));
  EXPECT_EQ(explain("2", 5, by_ids({"3", "x"})),
            (Explanation{Outcome::filtered_out, {}, 4.0F, 1, 9.0F, {}}));
  EXPECT_EQ(explain("2", 5, by_ids({})), (Explanation{Outcome::filtered_out, {}, 4.0F, 0, {}, {}}));
  EXPECT_EQ(remove(docs, by_ids({"3"})), 1U);
  EXPECT_EQ(explain("3", 5).outcome, Outcome::no_such_record);
}

TEST_P(ApiConformance, ExplainRefusesWhatAQueryRefuses) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}}});
  EXPECT_FAILS(Code::invalid_argument, "Collection expecting embedding with dimension of 2, got 3",
               api().explain(context_, docs, {query_of({{1, 2, 3}}), "a"}));
  EXPECT_FAILS(Code::invalid_argument, "ask for more",
               api().explain(context_, docs, {query_of({{1, 2}}, 0), "a"}));
  ExplainRequest request{query_of({{1, 2}}), "a"};
  request.query.recall_target = 0;
  EXPECT_FAILS(Code::invalid_argument, "must be above 0 and at most 1",
               api().explain(context_, docs, request));
  EXPECT_FAILS(
      Code::not_found, "does not exist",
      api().explain(context_, {DatabasePath(), Uuid::random()}, {query_of({{1, 2}}), "a"}));
}

// Chroma prints distances that overflow as null (quirk 30).
TEST_P(ApiConformance, DistancesStayFinite) {
  for (const Space space : {Space::l2, Space::cosine, Space::ip}) {
    const CollectionRef docs = make("docs" + std::to_string(int(space)), space);
    add(docs, {{.id = "a", .vector = {3e38F, 3e38F}}, {.id = "b", .vector = {-3e38F, 1}}});
    const QueryResult result = query(docs, query_of({{3e38F, -3e38F}}));
    ASSERT_EQ(result.distances.at(0).size(), 2U);
    for (const float distance : result.distances[0]) EXPECT_TRUE(std::isfinite(distance));
  }
}

// Chroma answers 500 for an id it does not know, unless there is a filter too (quirk 6).
TEST_P(ApiConformance, QueryIgnoresUnknownIds) {
  const CollectionRef docs = make();
  for (int i = 0; i < 4; ++i)
    add(docs, {{.id = std::to_string(i), .vector = {static_cast<float>(i), 0}}});
  EXPECT_EQ(nearest(docs, {0, 0}, 10, by_ids({"3", "unknown", "1", "1"})), (Ids{"1", "3"}));
  EXPECT_EQ(nearest(docs, {0, 0}, 10, by_ids({"unknown"})), Ids{});
  EXPECT_EQ(nearest(docs, {0, 0}, 10, by_ids({})), Ids{});
}

TEST_P(ApiConformance, QueryFiltersFirst) {
  const CollectionRef docs = make();
  for (int i = 0; i < 50; ++i) {
    add(docs, {{.id = std::to_string(i),
                .vector = {static_cast<float>(i), 0},
                .metadata = Metadata{{"k", int64_t{i % 10}}},
                .document = i < 25 ? "low" : "high"}});
  }
  EXPECT_EQ(nearest(docs, {0, 0}, 3, by_where(eq("k", 9_i))), (Ids{"9", "19", "29"}));
  Selection all = by_where(eq("k", 9_i));
  all.where_document = contains_text("high");
  EXPECT_EQ(nearest(docs, {0, 0}, 10, all), (Ids{"29", "39", "49"}));
  all.ids = ids_of({"39", "9", "38"});
  EXPECT_EQ(nearest(docs, {0, 0}, 10, all), Ids{"39"});
  EXPECT_EQ(nearest(docs, {0, 0}, 10, by_where(eq("k", 77_i))), Ids{});
}

// SQLite's limit on variables shows in Chroma as a 500 (quirk 20).
TEST_P(ApiConformance, LongListsOfIdsAndOperandsWork) {
  const CollectionRef docs = make();
  add(docs, {{.id = "5", .vector = {1, 2}, .metadata = Metadata{{"k", 39999_i}}},
             {.id = "none", .vector = {1, 2}}});
  Ids many;
  std::vector<MetadataValue> operands;
  for (int i = 0; i < 40000; ++i) {
    many.push_back(std::to_string(i));
    operands.emplace_back(int64_t{i});
  }
  EXPECT_EQ(ids(docs, by_ids(many)), Ids{"5"});
  EXPECT_EQ(ids(docs, by_where(where(Where::Op::in, "k", operands))), Ids{"5"});
  EXPECT_EQ(nearest(docs, {1, 2}, 10, by_ids(many)), Ids{"5"});
  EXPECT_EQ(remove(docs, by_ids(many)), 1U);
}

TEST_P(ApiConformance, WritesAreSeenAtOnceByEveryRead) {
  const CollectionRef docs = make();
  for (uint64_t i = 1; i <= 50; ++i) {
    const std::string id = std::to_string(i);
    add(docs, {{.id = id, .vector = {static_cast<float>(i), 0}, .document = "doc " + id}});
    EXPECT_EQ(count(docs), i);
    EXPECT_EQ(nearest(docs, {static_cast<float>(i), 0}, 1), Ids{id});
    update(docs, {{.id = id, .document = "text " + id}});
    EXPECT_EQ(ids(docs, by_document(contains_text("doc"))), Ids{});
  }
}

}  // namespace viridian::conformance
