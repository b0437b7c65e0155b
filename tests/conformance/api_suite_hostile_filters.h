#pragma once
#include "conformance/api_suite_filters.h"

/// Filters of a size that nobody means well with: each is answered, or refused for what it is, and
/// others are answered afterwards.
namespace viridian::conformance {

class ApiHostileFilterConformance : public ApiFilterConformance {
 protected:
  static constexpr size_t kLong = size_t{1} << 20;

  void fill() {
    docs_ = make();
    add(docs_, {{.id = "long",
                 .vector = {1, 2},
                 .metadata = Metadata{{"text", long_}, {"n", 7_i}},
                 .document = long_},
                {.id = "short",
                 .vector = {1, 2},
                 .metadata = Metadata{{"n", 8_i}},
                 .document = "word 77 and others"},
                {.id = "none", .vector = {1, 2}}});
    all_ = {"long", "short", "none"};
  }
  static std::string repeated(size_t times, const std::string& text) {
    std::string all;
    for (size_t i = 0; i < times; ++i) all += text;
    return all;
  }
  Result<GetResult> ask(const Where& condition) {
    return api().get(context_, docs_, get_all(by_document(condition)));
  }
  /// The pattern is refused by both operators, with a message that holds the text.
  void expect_refused(const std::string& pattern, const std::string& text) {
    SCOPED_TRACE(pattern.substr(0, 60));
    EXPECT_FAILS(Code::invalid_argument, text, ask(document(Op::document_matches, pattern)));
    EXPECT_FAILS(Code::invalid_argument, text, ask(document(Op::document_not_matches, pattern)));
    EXPECT_EQ(count(docs_), all_.size());
  }
  void expect_matches(const std::string& pattern, const Ids& expected) {
    SCOPED_TRACE(pattern.substr(0, 60));
    expect(document(Op::document_matches, pattern), expected);
    Ids others;
    for (const std::string& id : all_)
      if (std::find(expected.begin(), expected.end(), id) == expected.end()) others.push_back(id);
    expect(document(Op::document_not_matches, pattern), others);
  }

  const std::string long_ = std::string(kLong, 'x');
};

TEST_P(ApiHostileFilterConformance, TextsOfAMegabyteAreCompared) {
  fill();
  const std::string other = long_ + "y";
  expect(contains_text(long_), {"long"});
  expect(contains_text(other), {});
  expect(document(Op::document_not_contains, long_), {"short", "none"});
  expect(eq("text", long_), {"long"});
  expect(ne("text", long_), {"short", "none"});
  expect(eq("text", other), {});
  expect(where(Op::in, "text", {other, long_}), {"long"});
  expect(where(Op::contains, "text", {long_}), {});
  expect(eq("chroma:document", long_), {"long"});
}

TEST_P(ApiHostileFilterConformance, PatternsOfAMegabyteAreRefused) {
  fill();
  std::string words = "word";
  for (int i = 0; i < 100'000; ++i) words += "|w" + std::to_string(i);
  for (const std::string& pattern :
       {long_, words, repeated(kLong / 15, "(a{1000}){1000}"), repeated(kLong, "("),
        repeated(kLong / 2, "(") + repeated(kLong / 2, ")"), repeated(kLong / 3, "\\pL"),
        "[" + repeated(kLong / 4, "\xf0\x9f\xa6\x8a") + "]"})
    expect_refused(pattern, "bytes, more than");
}

TEST_P(ApiHostileFilterConformance, PatternsThatGrowWhenTheyAreCompiledAreRefused) {
  fill();
  for (const std::string pattern : {"(a{1000}){1000}", "((a{100}){100}){100}", "a{1001}"})
    expect_refused(pattern, "Regex syntax error: repetition");
  expect_refused("\\PL{1000}", "too large once compiled");
  expect_refused(repeated(20'000, "\\pL"), "Unicode classes");
  expect_refused("[" + repeated(20'000, "\\pL") + "]", "Unicode classes");
  expect_refused(repeated(20'000, "\\w"), "Unicode classes");
  expect_refused(repeated(60'000, "("), "unclosed group");
}

TEST_P(ApiHostileFilterConformance, LargePatternsFindWhatTheyMean) {
  fill();
  std::string words = "word 78";
  for (int i = 0; i < 5'000; ++i) words += "|word " + std::to_string(i * 11);
  expect_matches(words, {"short"});
  expect_matches(std::string(60'000, 'x'), {"long"});
  expect_matches(repeated(30'000, "(") + "w" + repeated(30'000, ")"), {"short"});
  expect_matches(repeated(10'000, "(?:") + "w" + repeated(10'000, ")*") + "o", {"short"});
  expect_matches("[\\x{0}-\\x{10FFFF}]", {"long", "short"});
  expect_matches("[\\x{0}-\\x{10FFFF}]{1000}", {"long"});
  expect_matches("\\pL{100}", {"long"});
  expect_matches(repeated(10'000, "x*") + "y", {});
  expect_matches("((((x*)*)*)*)*y", {});
}

TEST_P(ApiHostileFilterConformance, TenThousandConditionsAreAnswered) {
  fill();
  const auto many = [&](Op group_op, Op op, const std::string& key, const auto& operand) {
    std::vector<Where> conditions;
    for (int64_t i = 0; i < 10'000; ++i) conditions.push_back(where(op, key, {operand(i)}));
    return group(group_op, std::move(conditions));
  };
  const auto number = [](int64_t i) -> MetadataValue { return i; };
  const auto word = [](int64_t i) -> MetadataValue { return "word " + std::to_string(i); };
  const auto pattern = [](int64_t i) -> MetadataValue {
    return "word " + std::to_string(i) + "\\b";
  };
  const auto expect_found = [&](const Where& condition, const Ids& expected) {
    EXPECT_EQ(ids(docs_, by_where(condition)), expected);
  };
  expect_found(many(Op::any, Op::eq, "n", number), {"long", "short"});
  expect_found(many(Op::all, Op::ne, "n", number), {"none"});
  expect_found(many(Op::any, Op::document_contains, "", word), {"short"});
  expect_found(many(Op::all, Op::document_not_contains, "", word), {"long", "none"});
  expect_found(many(Op::any, Op::document_matches, "", pattern), {"short"});
  expect_found(many(Op::all, Op::document_not_matches, "", pattern), {"long", "none"});
}

TEST_P(ApiHostileFilterConformance, WhatAFilterTakesTogetherIsBounded) {
  fill();
  // Each of them alone is taken.
  const std::vector<Where> patterns(1'000, document(Op::document_matches, "\\pL{100}"));
  EXPECT_FAILS(Code::invalid_argument, "too large once compiled", ask(any_of(patterns)));
  const std::vector<Where> conditions(100'001, contains_text("x"));
  EXPECT_FAILS(Code::invalid_argument, "conditions, more than", ask(any_of(conditions)));
  EXPECT_EQ(count(docs_), all_.size());
}

}  // namespace viridian::conformance
