#pragma once
#include <atomic>
#include <set>
#include <thread>

#include "conformance/api_fixture.h"

/// Reading by the values of metadata: orders, pages by cursor, counts, facets and extents.
namespace viridian::conformance {

class ApiValueConformance : public ApiConformance {
 protected:
  /// Records of each kind of value; "none", "array" and "text2" come in between.
  CollectionRef make_mixed() {
    const CollectionRef docs = make();
    const auto make_row = [](std::string id, std::optional<MetadataValue> value) {
      Row row{.id = std::move(id), .vector = {1, 2}, .document = "document"};
      if (value) row.metadata = Metadata{{"k", *value}, {"all", 1_i}};
      return row;
    };
    add(docs, {make_row("text2", std::string("b")), make_row("two", 2_i), make_row("none", {}),
               make_row("half", 0.5), make_row("true", true)});
    add(docs, {make_row("array", std::vector<int64_t>{1, 2}), make_row("text1", std::string("a")),
               make_row("false", false), make_row("least", std::numeric_limits<int64_t>::min()),
               make_row("two again", 2.0)});
    return docs;
  }
  static GetRequest ordered(std::vector<SortKey> by, Selection selection = {}) {
    GetRequest request;
    request.order_by = std::move(by);
    request.selection = std::move(selection);
    request.include = {};
    return request;
  }
  Ids asked(const CollectionRef& ref, const GetRequest& request) {
    return strings(must(api().get(context_, ref, request)).records.ids);
  }
  /// All pages from the cursor on, in one list.
  Ids pages(const CollectionRef& ref, GetRequest request, uint32_t limit) {
    Ids all;
    request.limit = limit;
    if (!request.cursor) request.cursor = "";
    for (int i = 0; i < 1000; ++i) {
      const GetResult page = must(api().get(context_, ref, request));
      for (const std::string& id : strings(page.records.ids)) all.push_back(id);
      if (page.next_cursor.value_or("") == "") return all;
      EXPECT_EQ(page.records.ids.size(), limit);
      request.cursor = page.next_cursor;
    }
    ADD_FAILURE() << "pages without end";
    return all;
  }
};

TEST_P(ApiValueConformance, GetOrdersByValuesOfAllTypes) {
  const CollectionRef docs = make_mixed();
  const Ids ascending = {"false",     "true",  "least", "half", "two",
                         "two again", "text1", "text2", "none", "array"};
  const Ids descending = {"text2", "text1", "two",   "two again", "half",
                          "least", "true",  "false", "none",      "array"};
  EXPECT_EQ(asked(docs, ordered({{"k"}})), ascending);
  EXPECT_EQ(asked(docs, ordered({{"k", true}})), descending);
  EXPECT_EQ(asked(docs, ordered({{"all"}, {"k"}})),
            (Ids{"false", "true", "least", "half", "two", "two again", "text1", "text2", "array",
                 "none"}));
  EXPECT_EQ(asked(docs, ordered({{"unknown"}})), ids(docs));
  GetRequest page = ordered({{"k", true}});
  page.offset = 1;
  page.limit = 3;
  EXPECT_EQ(asked(docs, page), (Ids{"text1", "two", "two again"}));
  page.selection = by_where(where(Where::Op::gte, "k", {0_i}));
  EXPECT_EQ(asked(docs, page), (Ids{"two again", "half"}));
  page.offset = 100;
  EXPECT_EQ(asked(docs, page), Ids{});
  EXPECT_EQ(asked(docs, ordered({{"k"}}, by_ids({"text1", "half", "none", "x"}))),
            (Ids{"half", "text1", "none"}));
  EXPECT_EQ(asked(make("empty"), ordered({{"k"}})), Ids{});
}

TEST_P(ApiValueConformance, OrdersFollowWhatIsWritten) {
  const CollectionRef docs = make_mixed();
  update(docs, {{.id = "two", .metadata = Metadata{{"k", std::string("aa")}}},
                {.id = "text2", .metadata = Metadata{{"k", MetadataValue()}}}});
  EXPECT_EQ(remove(docs, by_ids({"half", "false"})), 2U);
  EXPECT_EQ(asked(docs, ordered({{"k"}})),
            (Ids{"true", "least", "two again", "text1", "two", "text2", "none", "array"}));
  // Longer than what indexes keep of texts, and alike so far.
  const std::string alike(80, 'x');
  upsert(docs, {{.id = "z", .vector = {1, 2}, .metadata = Metadata{{"k", alike + "z"}}},
                {.id = "y", .vector = {1, 2}, .metadata = Metadata{{"k", alike + "y"}}}});
  GetRequest page = ordered({{"k", true}});
  page.limit = 3;
  EXPECT_EQ(asked(docs, page), (Ids{"z", "y", "two"}));
}

TEST_P(ApiValueConformance, PagesByCursorHoldEachRecordOnce) {
  const CollectionRef docs = make_mixed();
  const std::vector<std::vector<SortKey>> orders = {
      {}, {{"k"}}, {{"k", true}}, {{"all"}, {"k", true}}, {{"unknown"}}};
  for (const auto& order : orders) {
    for (const uint32_t limit : {1U, 2U, 3U, 10U, 100U}) {
      EXPECT_EQ(pages(docs, ordered(order), limit), asked(docs, ordered(order)));
      const Selection some = by_where(ne("k", 0.5));
      EXPECT_EQ(pages(docs, ordered(order, some), limit), asked(docs, ordered(order, some)));
    }
  }
  GetRequest all = ordered({});
  EXPECT_EQ(must(api().get(context_, docs, all)).next_cursor, std::nullopt);
  all.cursor = "";
  EXPECT_EQ(must(api().get(context_, docs, all)).next_cursor, "");
}

TEST_P(ApiValueConformance, CursorsGoOnWhereTheyWereWhateverIsWritten) {
  for (const bool by_value : {false, true}) {
    const CollectionRef docs = make(by_value ? "by-value" : "natural");
    for (int i = 0; i < 20; ++i)
      add(docs, {{.id = "r" + std::to_string(i),
                  .vector = {1, 2},
                  .metadata = Metadata{{"k", int64_t{i / 2}}}}});
    GetRequest request = by_value ? ordered({{"k"}}) : ordered({});
    request.limit = 5;
    request.cursor = "";
    request.cursor = must(api().get(context_, docs, request)).next_cursor;
    // The last record itself goes, one before it and one after it, and others come.
    remove(docs, by_ids({"r4", "r1", "r6"}));
    add(docs, {{.id = "new", .vector = {1, 2}, .metadata = Metadata{{"k", 7_i}}},
               {.id = "early", .vector = {1, 2}, .metadata = Metadata{{"k", -1_i}}}});
    EXPECT_EQ(pages(docs, request, 5),
              by_value ? (Ids{"r5", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                              "new", "r16", "r17", "r18", "r19"})
                       : (Ids{"r5", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                              "r16", "r17", "r18", "r19", "new", "early"}));
  }
}

TEST_P(ApiValueConformance, CursorsAreStableUnderConcurrentWrites) {
  const CollectionRef docs = make();
  std::vector<Row> rows;
  Ids kept;
  for (int i = 0; i < 300; ++i) {
    kept.push_back("kept" + std::to_string(i));
    rows.push_back(
        {.id = kept.back(), .vector = {1, 2}, .metadata = Metadata{{"k", int64_t{i * 7 % 50}}}});
  }
  add(docs, rows);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; !done; ++i) {
      const std::string id = "other" + std::to_string(i % 40);
      upsert(docs, {{.id = id, .vector = {1, 2}, .metadata = Metadata{{"k", int64_t{i % 50}}}}});
      if (i % 3 == 0) remove(docs, by_ids({"other" + std::to_string((i + 20) % 40)}));
    }
  });
  for (int round = 0; round < 6; ++round) {
    Ids found;
    for (const std::string& id : pages(docs, ordered({{"k", round % 2 == 0}}), 7))
      if (id.starts_with("kept")) found.push_back(id);
    EXPECT_EQ(std::set<std::string>(found.begin(), found.end()).size(), found.size());
    EXPECT_EQ(found.size(), kept.size());
    found.clear();
    for (const std::string& id : pages(docs, ordered({}), 7))
      if (id.starts_with("kept")) found.push_back(id);
    EXPECT_EQ(found, kept);
  }
  done = true;
  writer.join();
}

TEST_P(ApiValueConformance, BadOrdersAndCursorsAreRefused) {
  const CollectionRef docs = make_mixed();
  const auto refused = [&](const GetRequest& request, const std::string& why) {
    EXPECT_FAILS(Code::invalid_argument, why, api().get(context_, docs, request));
  };
  refused(ordered({{""}}), "order_by: `` is empty");
  refused(ordered({{"chroma:document"}}), "is no key of metadata");
  refused(ordered({{"k"}, {"k", true}}), "`k` is there twice");
  refused(ordered(std::vector<SortKey>(9, {"k"})), "9 keys are more than 8");
  GetRequest request = ordered({{"k"}});
  request.limit = 2;
  request.cursor = "nonsense";
  refused(request, "it is not a next_cursor");
  request.cursor = "";
  request.cursor = must(api().get(context_, docs, request)).next_cursor;
  request.order_by = {{"k", true}};
  refused(request, "it belongs to another order_by");
  request.order_by = {};
  refused(request, "it belongs to another order_by");
  request.cursor = "";
  request.limit = 0;
  refused(request, "at least one record");
}

TEST_P(ApiValueConformance, CountsWhatASelectionNames) {
  const CollectionRef docs = make_mixed();
  const auto count_of = [&](const Selection& selection) {
    return must(api().count_selected(context_, docs, selection));
  };
  EXPECT_EQ(count_of({}), 10U);
  EXPECT_EQ(count_of(by_where(eq("k", 2_i))), 2U);
  EXPECT_EQ(count_of(by_where(ne("k", 2_i))), 8U);
  EXPECT_EQ(count_of(by_document(contains_text("doc"))), 10U);
  EXPECT_EQ(count_of(by_ids({"two", "x"})), 1U);
  EXPECT_EQ(count_of(by_ids({})), 0U);
  Selection all = by_where(eq("k", 2_i));
  all.ids = ids_of({"two", "half"});
  EXPECT_EQ(count_of(all), 1U);
  EXPECT_FAILS(Code::not_found, "does not exist",
               api().count_selected(context_, {DatabasePath(), Uuid::random()}, {}));
}

TEST_P(ApiValueConformance, FacetsCountValues) {
  const CollectionRef docs = make_mixed();
  const auto facet = [&](const std::string& key, uint32_t limit, Selection selection = {}) {
    const FacetsResult result =
        must(api().facets(context_, docs, {std::move(selection), {key}, limit}));
    EXPECT_EQ(result.facets.size(), 1U);
    return result.facets.empty() ? Facet() : result.facets[0].second;
  };
  const Facet all = facet("k", 3);
  EXPECT_EQ(all, (Facet{{{2_i, 3}, {false, 1}, {true, 1}}, 8, 9, 5}));
  EXPECT_EQ(facet("k", 0), (Facet{{}, 8, 9, 10}));
  EXPECT_EQ(facet("all", 10), (Facet{{{1_i, 9}}, 1, 9, 0}));
  EXPECT_EQ(facet("unknown", 10), Facet());
  EXPECT_EQ(facet("k", 10, by_ids({"two again", "array", "text1"})),
            (Facet{{{2_i, 2}, {1_i, 1}, {std::string("a"), 1}}, 3, 3, 0}));
  EXPECT_EQ(facet("k", 10, by_ids({"two again"})), (Facet{{{2.0, 1}}, 1, 1, 0}));
  const FacetsResult both = must(api().facets(context_, docs, {{}, {"z", "all"}, 1}));
  ASSERT_EQ(both.facets.size(), 2U);
  EXPECT_EQ(both.facets[0].first, "z");
  EXPECT_EQ(both.facets[1].first, "all");
}

TEST_P(ApiValueConformance, ExtentsAreTheLeastAndTheGreatestValue) {
  const CollectionRef docs = make_mixed();
  const auto extent = [&](const std::string& key, Selection selection = {}) {
    const ExtentsResult result = must(api().extents(context_, docs, {std::move(selection), {key}}));
    EXPECT_EQ(result.extents.size(), 1U);
    return result.extents.empty() ? Extent() : result.extents[0].second;
  };
  EXPECT_EQ(extent("k"), (Extent{false, std::string("b"), 8}));
  EXPECT_EQ(extent("k", by_where(where(Where::Op::gt, "k", {0_i}))), (Extent{0.5, 2_i, 3}));
  EXPECT_EQ(extent("k", by_ids({"array", "none"})), Extent());
  EXPECT_EQ(extent("unknown"), Extent());
  EXPECT_EQ(extent("all"), (Extent{1_i, 1_i, 9}));
}

TEST_P(ApiValueConformance, BadKeysOfFacetsAndExtentsAreRefused) {
  const CollectionRef docs = make();
  const auto refused = [&](const std::vector<std::string>& keys, const std::string& why) {
    EXPECT_FAILS(Code::invalid_argument, why, api().facets(context_, docs, {{}, keys, 10}));
    EXPECT_FAILS(Code::invalid_argument, why, api().extents(context_, docs, {{}, keys}));
  };
  refused({}, "keys: there is none");
  refused({"a", "b", "a"}, "keys: `a` is there twice");
  refused({""}, "keys: `` is empty");
  refused({"chroma:uri"}, "is no key of metadata");
  refused(std::vector<std::string>(65, "k"), "65 are more than 64");
  EXPECT_FAILS(Code::invalid_argument, "limit: 10001 is more than 10000",
               api().facets(context_, docs, {{}, {"k"}, 10'001}));
}

}  // namespace viridian::conformance
