#pragma once
#include <algorithm>
#include <utility>

#include "conformance/api_fixture.h"

/// Filters: the truth tables of `where` and `where_document`.
namespace viridian::conformance {

using Op = Where::Op;

class ApiFilterConformance : public ApiConformance {
 protected:
  static constexpr int64_t kBig = (int64_t{1} << 53) + 1;

  void fill_numbers() {
    docs_ = make();
    const std::vector<std::pair<std::string, Metadata>> records{
        {"i1", {{"n", 1_i}}},
        {"i2", {{"n", 2_i}}},
        {"i3", {{"n", 3_i}}},
        {"f1", {{"n", 1.0}}},
        {"f15", {{"n", 1.5}}},
        {"f25", {{"n", 2.5}}},
        {"s1", {{"n", "1"}}},
        {"bT", {{"n", true}}},
        {"bF", {{"n", false}}},
        {"none", {}},
        {"other", {{"m", 1_i}}},
        {"arr", {{"n", std::vector<int64_t>{1, 2}}}},
        {"arrf", {{"n", std::vector<double>{1.0, 2.5}}}},
        {"arrb", {{"n", std::vector<bool>{true}}}},
        {"arrs", {{"t", std::vector<std::string>{"a", "b"}}}},
        {"sa", {{"n", "abc"}}},
        {"sA", {{"n", "ABC"}}},
        {"big", {{"n", kBig}}}};
    for (const auto& [id, metadata] : records) {
      add(docs_, {{.id = id,
                   .vector = {1, 2},
                   .metadata = metadata.empty() ? std::nullopt : std::optional(metadata)}});
      all_.push_back(id);
    }
  }

  void expect(const Where& condition, const Ids& expected) {
    EXPECT_EQ(ids(docs_, by_where(condition)), expected);
    // A query sees the same records as a get.
    Ids found = nearest(docs_, {1, 2}, 100, by_where(condition));
    EXPECT_EQ(found, expected);
  }
  Ids all_but(const Ids& left_out) const {
    Ids rest;
    for (const std::string& id : all_) {
      if (std::find(left_out.begin(), left_out.end(), id) == left_out.end()) rest.push_back(id);
    }
    return rest;
  }

  CollectionRef docs_;
  Ids all_;
};

TEST_P(ApiFilterConformance, EqualityStaysWithinItsTypeFamily) {
  fill_numbers();
  expect(eq("n", 1_i), {"i1", "f1"});
  expect(eq("n", 1.0), {"i1", "f1"});
  expect(eq("n", "1"), {"s1"});
  expect(eq("n", true), {"bT"});
  expect(eq("n", false), {"bF"});
  expect(eq("n", "abc"), {"sa"});
  expect(eq("zzz", 1_i), {});
}

TEST_P(ApiFilterConformance, NegationsAreComplementsOverAllRecords) {
  fill_numbers();
  expect(ne("n", 1_i), all_but({"i1", "f1"}));
  expect(ne("n", "1"), all_but({"s1"}));
  expect(ne("zzz", 1_i), all_);
  expect(where(Op::nin, "n", {true, false}), all_but({"bT", "bF"}));
  expect(where(Op::not_contains, "t", {"a"}), all_but({"arrs"}));
  expect(where(Op::not_contains, "n", {1_i}), all_but({"arr"}));
}

TEST_P(ApiFilterConformance, OrderComparesNumbersOnly) {
  fill_numbers();
  expect(where(Op::gt, "n", {1_i}), {"i2", "i3", "f15", "f25", "big"});
  expect(where(Op::gte, "n", {1_i}), {"i1", "i2", "i3", "f1", "f15", "f25", "big"});
  expect(where(Op::lt, "n", {2_i}), {"i1", "f1", "f15"});
  expect(where(Op::lte, "n", {2_i}), {"i1", "i2", "f1", "f15"});
}

// Chroma cuts the fraction off an operand that meets an integer (quirk 5).
TEST_P(ApiFilterConformance, FloatOperandsMeetIntegersExactly) {
  fill_numbers();
  expect(eq("n", 1.5), {"f15"});
  expect(where(Op::in, "n", {1.5}), {"f15"});
  expect(where(Op::gte, "n", {1.5}), {"i2", "i3", "f15", "f25", "big"});
  expect(where(Op::lt, "n", {2.2}), {"i1", "i2", "f1", "f15"});
  expect(where(Op::gt, "n", {-0.5}), {"i1", "i2", "i3", "f1", "f15", "f25", "big"});
}

TEST_P(ApiFilterConformance, IntegersBeyondDoublesCompareExactly) {
  fill_numbers();
  expect(eq("n", int64_t{kBig - 1}), {});
  expect(eq("n", int64_t{kBig}), {"big"});
  expect(eq("n", 9007199254740992.0), {});
  expect(where(Op::gt, "n", {9007199254740992.0}), {"big"});
  expect(where(Op::lt, "n", {9.3e18}), {"i1", "i2", "i3", "f1", "f15", "f25", "big"});
}

TEST_P(ApiFilterConformance, MembershipTakesScalarsOfOneFamily) {
  fill_numbers();
  expect(where(Op::in, "n", {1_i, 2_i}), {"i1", "i2", "f1"});
  expect(where(Op::in, "n", {"1", "abc"}), {"s1", "sa"});
  expect(where(Op::in, "n", {true}), {"bT"});
}

TEST_P(ApiFilterConformance, ContainsTakesArraysOfExactlyItsType) {
  fill_numbers();
  expect(where(Op::contains, "n", {1_i}), {"arr"});
  expect(where(Op::contains, "n", {1.0}), {"arrf"});
  expect(where(Op::contains, "n", {true}), {"arrb"});
  expect(where(Op::contains, "t", {"a"}), {"arrs"});
  expect(where(Op::contains, "n", {"abc"}), {});
}

TEST_P(ApiFilterConformance, GroupsCombine) {
  fill_numbers();
  expect(any_of({eq("n", 1_i), eq("m", 1_i)}), {"i1", "f1", "other"});
  expect(all_of({where(Op::gt, "n", {1_i}), where(Op::lt, "n", {2_i})}), {"f15"});
  expect(all_of({}), all_);
  expect(any_of({}), {});
  expect(all_of({any_of({eq("n", 1_i), eq("n", "1")}), ne("n", 1.0)}), {"s1"});
  Where deep = eq("n", 2_i);
  for (int i = 0; i < 50; ++i) deep = all_of({deep});
  expect(deep, {"i2"});
}

TEST_P(ApiFilterConformance, UnknownSpecialKeysMatchNothing) {
  fill_numbers();
  for (const std::string key : {"#id", "#metadata", "#score"}) {
    expect(eq(key, "x"), {});
    expect(ne(key, "x"), all_);
  }
}

TEST_P(ApiFilterConformance, FiltersSeeUpdatesAndDeletes) {
  fill_numbers();
  update(docs_, {{.id = "i1", .metadata = Metadata{{"n", "one"}}},
                 {.id = "f1", .metadata = Metadata{{"n", std::monostate()}}},
                 {.id = "i2", .metadata = Metadata{{"n", 1_i}}}});
  expect(eq("n", 1_i), {"i2"});
  expect(eq("n", "one"), {"i1"});
  EXPECT_EQ(remove(docs_, by_where(eq("n", 1_i))), 1U);
  expect(eq("n", 1_i), {});
}

class ApiTextConformance : public ApiFilterConformance {
 protected:
  void fill_texts() {
    docs_ = make();
    const std::vector<std::pair<std::string, std::optional<std::string>>> records{
        {"hello", "Hello world"},
        {"percent", "100%_a\\b"},
        {"lines", "one\ntwo"},
        {"cjk", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},  // "Japanese", in Japanese
        {"accent", "caf\xc3\xa9"},
        {"empty", ""},
        {"none", std::nullopt}};
    for (const auto& [id, text] : records) {
      add(docs_, {{.id = id, .vector = {1, 2}, .document = text, .uri = "file:" + id}});
      all_.push_back(id);
    }
  }
  void expect_text(Op op, const std::string& text, const Ids& expected) {
    EXPECT_EQ(ids(docs_, by_document(document(op, text))), expected) << text;
  }
};

TEST_P(ApiTextConformance, ContainsIsAPlainSubstring) {
  fill_texts();
  expect_text(Op::document_contains, "Hello", {"hello"});
  expect_text(Op::document_contains, "hello", {});
  expect_text(Op::document_contains, "o w", {"hello"});
  expect_text(Op::document_contains, "o", {"hello", "lines"});
  expect_text(Op::document_contains, "%_", {"percent"});
  expect_text(Op::document_contains, "a\\b", {"percent"});
  expect_text(Op::document_contains, "e\nt", {"lines"});
  expect_text(Op::document_contains, "\xe6\x9c\xac", {"cjk"});
  expect_text(Op::document_contains, "cafe", {});
  expect_text(Op::document_contains, "*", {});
  expect_text(Op::document_contains, "", {"hello", "percent", "lines", "cjk", "accent", "empty"});
}

TEST_P(ApiTextConformance, NegationsIncludeRecordsWithoutDocument) {
  fill_texts();
  expect_text(Op::document_not_contains, "o", {"percent", "cjk", "accent", "empty", "none"});
  expect_text(Op::document_not_matches, "o", {"percent", "cjk", "accent", "empty", "none"});
  expect_text(Op::document_not_contains, "", {"none"});
}

TEST_P(ApiTextConformance, RegularExpressionsSearch) {
  fill_texts();
  expect_text(Op::document_matches, "^H.*d$", {"hello"});
  expect_text(Op::document_matches, "(?i)hello", {"hello"});
  expect_text(Op::document_matches, "one.two", {});
  expect_text(Op::document_matches, "(?s)one.two", {"lines"});
  expect_text(Op::document_matches, "(?m)^two$", {"lines"});
  expect_text(Op::document_matches, "\\d{3}%", {"percent"});
  expect_text(Op::document_matches, "", {"hello", "percent", "lines", "cjk", "accent", "empty"});
  for (const std::string bad : {"(", "a{2,1}", "(?=x)"}) {
    EXPECT_FAILS(
        Code::invalid_argument, "Regex syntax error",
        api().get(context_, docs_, get_all(by_document(document(Op::document_matches, bad)))));
  }
}

TEST_P(ApiTextConformance, TextConditionsMixWithMetadataConditions) {
  fill_texts();
  update(docs_, {{.id = "hello", .metadata = Metadata{{"k", 1_i}}},
                 {.id = "empty", .metadata = Metadata{{"k", 1_i}}}});
  expect(all_of({eq("k", 1_i), contains_text("world")}), {"hello"});
  expect(any_of({eq("k", 1_i), contains_text("two")}), {"hello", "lines", "empty"});
}

TEST_P(ApiTextConformance, WholeDocumentsAndUrisCompare) {
  fill_texts();
  expect(eq("chroma:document", "caf\xc3\xa9"), {"accent"});
  expect(eq("chroma:document", "caf"), {});
  expect(ne("chroma:document", "Hello world"), all_but({"hello"}));
  expect(eq("chroma:uri", "file:cjk"), {"cjk"});
  EXPECT_FAILS(Code::invalid_argument,
               "Cannot filter using metadata key '#document' with type 'Str' because indexing is "
               "disabled",
               api().get(context_, docs_, get_all(by_where(eq("#document", "x")))));
}

TEST_P(ApiTextConformance, UpdatedTextIsFoundAndOldTextIsNot) {
  fill_texts();
  update(docs_, {{.id = "hello", .document = "Goodbye"}, {.id = "none", .document = "Good day"}});
  expect_text(Op::document_contains, "Hello", {});
  expect_text(Op::document_contains, "Good", {"hello", "none"});
}

// An index of trigrams leaves thousands of documents in doubt here.
TEST_P(ApiTextConformance, OfManyDocumentsInDoubtTheNearestAreFound) {
  constexpr int kRecords = 4'500, kFirst = 100;
  docs_ = make();
  const auto has_it = [](int i) { return i >= kFirst && i % 2 == 0; };
  std::vector<Row> rows;
  for (int i = 0; i < kRecords; ++i) {
    rows.push_back({.id = std::to_string(i),
                    .vector = {static_cast<float>(i), 1},
                    .metadata = Metadata{{"n", int64_t{i}}},
                    .document = has_it(i) ? "x abcab" : "bcabc xabc"});
    if (rows.size() == 900) add(docs_, std::exchange(rows, {}));
  }
  const auto expect_nearest = [&](int from, const Where& condition, auto&& holds) {
    Ids expected;
    for (int distance = 0; expected.size() < 5 && distance < kRecords; ++distance)
      for (const int i : {from - distance, from + distance})
        if (i >= 0 && i < kRecords && holds(i) && expected.size() < 5 &&
            (expected.empty() || expected.back() != std::to_string(i)))
          expected.push_back(std::to_string(i));
    EXPECT_EQ(nearest(docs_, {static_cast<float>(from), 1}, 5, by_where(condition)), expected)
        << from;
  };
  const Where text = contains_text("abcab");
  for (const int from : {0, 50, 120, 3'000, kRecords - 1}) {
    expect_nearest(from, text, has_it);
    expect_nearest(from, document(Op::document_matches, "abca[b]"), has_it);
    expect_nearest(from, document(Op::document_not_contains, "abcab"),
                   [&](int i) { return !has_it(i); });
    expect_nearest(from, all_of({text, where(Op::lt, "n", {120_i})}),
                   [&](int i) { return has_it(i) && i < 120; });
    expect_nearest(from, any_of({text, where(Op::lt, "n", {3_i})}),
                   [&](int i) { return has_it(i) || i < 3; });
  }
  Selection named = by_document(text);
  named.ids.emplace();
  for (int i = 0; i < 300; ++i) named.ids->push_back(std::to_string(i));
  // The nearest of these are none of those that have it, so all are looked at.
  EXPECT_EQ(nearest(docs_, {0, 1}, 2, named), (Ids{"100", "102"}));
  EXPECT_EQ(nearest(docs_, {9'000, 1}, 2, named), (Ids{"298", "296"}));
  EXPECT_EQ(nearest(docs_, {0, 1}, 250, named).size(), 100U);
  EXPECT_EQ(nearest(docs_, {0, 1}, 4'000, by_document(text)).size(), 2'200U);
  Selection gone = by_document(text);
  gone.where = all_of({where(Op::gte, "n", {2'990_i}), where(Op::lt, "n", {3'010_i})});
  EXPECT_EQ(remove(docs_, gone), 10U);
  EXPECT_EQ(nearest(docs_, {3'000.25F, 1}, 3, by_document(text)), (Ids{"3010", "3012", "2988"}));
}

TEST_P(ApiFilterConformance, DisabledIndexesRefuseTheirFilters) {
  CreateCollection request;
  request.name = "docs";
  request.schema.emplace().keys["foo"].string_inverted = false;
  request.schema->keys[Schema::kDocument].full_text = false;
  docs_ = {DatabasePath(), must(api().create_collection(context_, DatabasePath(), request)).id};
  add(docs_, {{.id = "a", .vector = {1, 2}, .metadata = Metadata{{"foo", "x"}}, .document = "t"}});
  const std::string text =
      "Cannot filter using metadata key 'foo' with type 'Str' because indexing is disabled";
  const Selection disabled = by_where(eq("foo", "x"));
  EXPECT_FAILS(Code::invalid_argument, text, api().get(context_, docs_, get_all(disabled)));
  EXPECT_FAILS(Code::invalid_argument, text,
               api().query(context_, docs_, query_of({{1, 2}}, 10, disabled)));
  EXPECT_FAILS(Code::invalid_argument, text,
               api().delete_records(context_, docs_, delete_of(disabled)));
  expect(eq("foo", 1_i), {});
  EXPECT_FAILS(Code::invalid_argument,
               "Cannot filter using full-text search because FTS indexing is disabled",
               api().get(context_, docs_, get_all(by_document(contains_text("t")))));
  EXPECT_EQ(metadata(docs_, "a"), (Metadata{{"foo", "x"}}));
}

}  // namespace viridian::conformance
