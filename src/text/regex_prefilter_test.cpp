#include "text/regex_prefilter.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "text/documents_fixture.h"
#include "text/regex.h"

namespace viridian::text {
namespace {

using postings::Row;
using postings::RowSet;

RowSet matching(const Documents& documents, const Regex& regex) {
  return rows_where(documents,
                    [&](const std::string& document) { return regex.matches(document); });
}

std::string any_of(Random& random, const std::vector<std::string>& choices) {
  return choices[random() % choices.size()];
}

/// A pattern that may be refused.
std::string random_pattern(Random& random, int depth) {
  std::string pattern;
  for (size_t parts = 1 + random() % 3; parts > 0; --parts) {
    switch (depth == 0 ? random() % 3 : random() % 8) {
      case 0:
      case 1:
        pattern += random_text(random, 1 + random() % 4);
        break;
      case 2:
        pattern += any_of(
            random, {".",  "\\d", "\\w+", "\\s",   "[a-c]",  "[^a]",      "[éÉ]",      "[kK]",
                     "^",  "$",   "\\b",  ".*",    "\\x41",  "\\u{65E5}", "[日本]",    "[a-z]",
                     "s+", "\\.", "(?i)", "(?-i)", "a{2,3}", "(?s).",     "\\x{1F642}"});
        break;
      case 3:
        pattern += "(?i:" + random_pattern(random, depth - 1) + ")";
        break;
      case 4:
        pattern += "(?:" + random_pattern(random, depth - 1) + ")" +
                   any_of(random, {"*", "+", "?", "{2}", "{0,2}", ""});
        break;
      case 5:
        pattern += "(?-i:" + random_pattern(random, depth - 1) + ")";
        break;
      default:
        pattern +=
            "(" + random_pattern(random, depth - 1) + "|" + random_pattern(random, depth - 1) + ")";
    }
  }
  return pattern;
}

TEST(RegexPrefilter, LetsAllPassThatMatch) {
  Random random(21);
  uint32_t filtered = 0;
  for (int block = 0; block < 6; ++block) {
    const Documents documents = random_documents(random, 200 + random() % 300);
    const auto index = open(build(documents));
    ASSERT_TRUE(index.ok());
    for (int round = 0; round < 400; ++round) {
      const std::string pattern = random_pattern(random, 2);
      const auto regex = Regex::compile(pattern);
      if (!regex.ok()) continue;
      const RowSet truth = matching(documents, *regex);
      const RegexPrefilter prefilter(pattern);
      const auto found = prefilter.candidates(*index);
      ASSERT_TRUE(found.ok());
      ASSERT_EQ(missing(truth, found->rows), 0U) << pattern;
      if (found->exact) {
        ASSERT_EQ(found->rows, truth) << pattern;
      }
      if (!prefilter.lets_all_pass()) ++filtered;

      RowSet among = matching(documents, *Regex::compile(random() % 2 == 0 ? "a" : "[kb日]"));
      const RowSet truth_among = in_both(truth, among);
      const auto found_among = prefilter.candidates(*index, &among);
      ASSERT_TRUE(found_among.ok());
      ASSERT_EQ(missing(truth_among, found_among->rows), 0U) << pattern;
      ASSERT_EQ(missing(found_among->rows, among), 0U) << pattern;
    }
  }
  EXPECT_GT(filtered, 500U);
}

/// Letters, marks and symbols that RE2 could take for forms of one another, and some others.
std::vector<std::string> cased_characters() {
  const auto cased = Regex::compile(R"([\p{Lu}\p{Ll}\p{Lt}\p{Nl}\x{345}\x{24B6}-\x{24E9}])");
  std::vector<std::string> characters;
  for (uint32_t c = 1; c < 0x20000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string character;
    json::append_utf8(character, c);
    if (cased->matches(character) || c % 997 == 0) characters.push_back(character);
  }
  return characters;
}

TEST(RegexPrefilter, MissesNoFormOfACharacter) {
  const std::vector<std::string> characters = cased_characters();
  ASSERT_GT(characters.size(), 2800U);
  Documents documents;
  for (const std::string& c : characters) documents.emplace_back("x1" + c + c + "23" + c + "a");
  const auto index = open(build(documents));
  ASSERT_TRUE(index.ok());
  for (size_t i = 0; i < characters.size(); ++i) {
    const std::string& c = characters[i];
    for (const std::string& pattern :
         {"1" + c + c + "23" + c, "(?i)1" + c + c + "23" + c, "1[" + c + "]{2}23" + c}) {
      const auto found = RegexPrefilter(pattern).candidates(*index);
      ASSERT_TRUE(found.ok());
      EXPECT_TRUE(found->rows.contains(static_cast<Row>(i))) << pattern;
      // All others that match: the forms of one character lie in few places, so some are looked at.
      if (i % 16 != 0 && static_cast<unsigned char>(c[0]) >= 0x80) continue;
      const RowSet truth = matching(documents, *Regex::compile(pattern));
      EXPECT_EQ(missing(truth, found->rows), 0U) << pattern;
    }
  }
}

TEST(RegexPrefilter, TakesNoCharacterOfThePatternForAMark) {
  Documents documents;
  std::vector<std::string> patterns;
  for (const uint32_t c : {0xBFFFFU, 0xC0000U, 0xEFFFFU, 0xF0041U, 0xF65E5U, 0xFFFFDU, 0x10FFFFU}) {
    std::string character;
    json::append_utf8(character, c);
    documents.emplace_back(character + "123");
    char escape[16];
    std::snprintf(escape, sizeof escape, "\\x{%x}", c);
    for (const std::string& form : {character, std::string(escape)}) {
      patterns.push_back(form + "12");
      patterns.push_back("(?i)" + form + "12");
      patterns.push_back("[" + form + "]12");
      patterns.push_back("[" + form + "a]{1}123");
    }
  }
  documents.emplace_back("A123");
  const auto index = open(build(documents));
  ASSERT_TRUE(index.ok());
  for (const std::string& pattern : patterns) {
    const auto found = RegexPrefilter(pattern).candidates(*index);
    ASSERT_TRUE(found.ok());
    const RowSet truth = matching(documents, *Regex::compile(pattern));
    EXPECT_GE(truth.size(), 1U) << pattern;
    EXPECT_EQ(missing(truth, found->rows), 0U) << pattern;
  }
}

TEST(RegexPrefilter, LooksForWhatIsThere) {
  const Documents documents = {"Error: disk full", "error: disk full", "ERROR: disk",
                               "warning: tape",    "ein Fehler",       "日本語の文",
                               "日本の文",         "k\u212Ak kkk"};
  const auto index = open(build(documents));
  ASSERT_TRUE(index.ok());
  const auto expect = [&](const char* pattern, const std::vector<Row>& rows) {
    const auto found = RegexPrefilter(pattern).candidates(*index);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->rows, RowSet::of(rows)) << pattern;
  };
  expect("Error", {0});
  expect("[Ee]rror", {0, 1});
  expect("(?i)error", {0, 1, 2});
  expect("(?i:err)or", {0, 1});
  expect("\\x45rror", {0});
  expect("Error|Fehler", {0, 4});
  expect("(error|warning): .*(full|tape)", {1, 3});
  expect("^(?P<kind>\\w+): disk( full)?$", {0, 1, 2});
  expect("(?x) Error : \\x20 disk # text", {0});
  expect("日本語", {5});
  expect("日本.の", {5, 6});
  expect("(?i)日本語", {5});
  expect("(?i)KKK", {7});
  expect("nowhere", {});
  for (const char* pattern : {"", ".*", "a*", "\\d+", "[a-z]+", "x?y?", "abc|", "(", "(?i)é"}) {
    EXPECT_TRUE(RegexPrefilter(pattern).lets_all_pass()) << pattern;
    expect(pattern, {0, 1, 2, 3, 4, 5, 6, 7});
  }
}

TEST(RegexPrefilter, TakesLargePatterns) {
  Random random(22);
  const Documents documents = random_documents(random, 100);
  const auto index = open(build(documents));
  ASSERT_TRUE(index.ok());
  std::string words = "bcabca", optional = "abc", letters = "(?i)";
  while (words.size() < 4000) words += "|" + std::to_string(random());
  while (optional.size() < 4000) optional += "(abc|bca|x)?.";
  while (letters.size() < 4000) letters += "ks[abc]";
  for (const std::string& pattern :
       {words, optional, letters, std::string("(abc|bca){50}"), std::string("((a|b){9}){9}"),
        std::string(4000, 'a'), words + words, std::string(size_t{1} << 20, 'b')}) {
    const RegexPrefilter prefilter(pattern);
    const auto found = prefilter.candidates(*index);
    ASSERT_TRUE(found.ok());
    const auto regex = Regex::compile(pattern);
    if (regex.ok()) {
      EXPECT_EQ(missing(matching(documents, *regex), found->rows), 0U);
    } else {
      EXPECT_TRUE(prefilter.lets_all_pass());
    }
  }
  EXPECT_FALSE(RegexPrefilter(words).lets_all_pass());
}

}  // namespace
}  // namespace viridian::text
