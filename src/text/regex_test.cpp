#include "text/regex.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace viridian {
namespace {

struct Row {
  const char* pattern;
  std::vector<std::string> matching;
  std::vector<std::string> others;
};

void expect_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const auto regex = Regex::compile(row.pattern);
    ASSERT_TRUE(regex.ok()) << row.pattern << ": " << regex.error().message();
    for (const auto& text : row.matching) {
      EXPECT_TRUE(regex->matches(text)) << row.pattern << " on \"" << text << '"';
    }
    for (const auto& text : row.others) {
      EXPECT_FALSE(regex->matches(text)) << row.pattern << " on \"" << text << '"';
    }
  }
}

TEST(Regex, SearchesAnywhereAndAnchorsToTheText) {
  expect_rows({
      {"", {"", "x"}, {}},
      {".*", {"", "\n", "x"}, {}},
      {"b", {"abc"}, {"", "ac"}},
      {"^b", {"bc"}, {"abc", "a\nb"}},
      {"b$", {"ab"}, {"bc", "b\n", "b\na"}},
      {"(?m)^b$", {"a\nb\nc", "b\n"}, {"ab", "b\r\n"}},
      {"\\Ab\\z", {"b"}, {"b\n", "a\nb"}},
      {"(?m)\\Ab\\z", {"b"}, {"b\n", "a\nb"}},
      {"^$", {""}, {"\n", "a"}},
  });
}

TEST(Regex, DotStopsAtALineFeedOnly) {
  expect_rows({
      {"a.b", {"axb", "a\rb", "aéb", "a日b", "a🙂b"}, {"a\nb", "ab"}},
      {"(?s)a.b", {"a\nb"}, {"ab"}},
      {"(?s:a.)b.", {"a\nbx"}, {"a\nb\n"}},
      {"(?s)a(?-s).b", {"axb"}, {"a\nb"}},
      {"^.$", {"é", "日", "🙂"}, {"e\u0301"}},
  });
}

TEST(Regex, AlternatesRepeatsAndGroups) {
  expect_rows({
      {"^(cat|dog)s?$", {"cat", "dogs"}, {"cats!", "do"}},
      {"a||b", {""}, {}},
      {"^(?<year>\\d{4})-(?P<month>\\d{2})$", {"2024-05"}, {"24-05"}},
      {"^(?<a.b[0]>x)$", {"x"}, {"y"}},
      {"^a{2,3}$", {"aa", "aaa"}, {"a", "aaaa"}},
      {"^(?:ab)+?$", {"abab"}, {"aba"}},
      {"^a**$", {"", "aa"}, {"b"}},
      {"^(?:xa{2}{3})$", {"xaaaaaa"}, {"xaaaaa"}},
      {"^é+?{2}$", {"éé", "ééé"}, {"é"}},
      {"^*a", {"a"}, {"b"}},
      {"()", {""}, {}},
      {"^日{2}$", {"日日"}, {"日"}},
      {"}]", {"}]"}, {"}"}},
  });
}

TEST(Regex, ClassesAreUnicode) {
  expect_rows({
      {"^\\d+$", {"09", "٣", "९"}, {"²", "x", "Ⅷ"}},
      {"^\\D$", {"x", "²"}, {"0", "٣"}},
      {"^\\w+$", {"aé_9", "日本語", "e\u0301", "Ⅷ", "ⓐ", "a\u200Db"}, {"a b", "-", "🙂", ""}},
      {"^\\W$", {" ", "-", "🙂"}, {"a", "é", "日", "_", "ⓐ"}},
      {"^\\s$", {" ", "\t", "\v", "\u00A0", "\u3000", "\u0085", "\u2028"}, {"a", "\u200B"}},
      {"^\\S$", {"a", "日", "\u200B"}, {" ", "\v", "\u3000"}},
      {"^[\\d-]+$", {"1-٣"}, {"a"}},
      {"^[^\\d]$", {"a"}, {"٣"}},
      {"^[\\w.]+$", {"é.日"}, {"é 日"}},
      {"^[^\\W\\d_]+$", {"aé日"}, {"a1", "_", "🙂"}},
      {"^[\\W9]$", {"9", "-", "🙂"}, {"8", "é"}},
      {"^[\\S\\n]$", {"a", "\n"}, {" "}},
      {"^[^\\s\\S]$", {}, {"a", " "}},
      {"^[\\Da]$", {"a", "b"}, {"1"}},
      {"^\\pL\\p{Greek}\\p{Lu}$", {"xαÉ"}, {"1αÉ", "xaÉ", "xαé"}},
      {"^\\p{Letter}\\p{greek}\\p{gc=uppercase_letter}\\p{sc:Cyrillic}$", {"xαÉж"}, {"xαÉz"}},
      {"^\\P{L}\\p{White_Space}\\p{ascii}$", {"1 a"}, {"a a", "1aa", "1 é"}},
      {"^[\\p{Han}\\p{Hiragana}]+$", {"日の"}, {"ノ"}},
  });
}

TEST(Regex, BracketsHoldRangesAndAsciiClasses) {
  expect_rows({
      {"^[a-cé-î]$", {"b", "ê"}, {"d", "e"}},
      {"^[^a-c]$", {"d", "\n", "日"}, {"a"}},
      {"^[]a]$", {"]", "a"}, {"b"}},
      {"^[^]a]$", {"b"}, {"]", "a"}},
      {"^[a-]$", {"a", "-"}, {"b"}},
      {"^[\\]\\[\\-\\^]$", {"]", "[", "-", "^"}, {"a", "\\"}},
      {"^[[:alpha:][:digit:]]$", {"a", "1"}, {"é", "-"}},
      {"^[[:^alpha:]]$", {"1", "é"}, {"a"}},
      {"^[.*+?()|$]$", {".", "*", "$"}, {"a"}},
  });
}

TEST(Regex, EscapesStandForCharacters) {
  expect_rows({
      {"^\\x41\\x{e9}\\u00e9\\u{65E5}\\U0001F642$", {"Aéé日🙂"}, {"Aée日🙂"}},
      {"^\\.\\*\\ \\#\\-\\&\\~\\/$", {".* #-&~/"}, {"x* #-&~/"}},
      {"^\\t\\n\\r\\f\\v\\a$", {"\t\n\r\f\v\a"}, {"tnrfva"}},
      {"^[\\x{1F600}-\\x{1F64F}]$", {"🙂"}, {"🚀"}},
  });
}

TEST(Regex, FlagsHoldForTheirGroup) {
  expect_rows({
      {"(?i)É", {"é", "É"}, {"e"}},
      {"(?i)straße", {"STRAßE", "STRAẞE"}, {"STRASSE"}},
      {"^a(?i)b|c$", {"aB", "C"}, {"Ab"}},
      {"^(?:a(?i)b)c$", {"aBc"}, {"aBC"}},
      {"^(?i:a)b$", {"Ab"}, {"AB"}},
      {"^(?i)a(?-i)b$", {"Ab"}, {"AB"}},
      {"(?U)^a+$", {"aa"}, {"b"}},
      {"^(?-u:\\w\\d\\s)$", {"a1 ", "_1\v"}, {"é1 ", "a٣ "}},
      {"^(?-u)\\d(?u)\\d$", {"1٣"}, {"٣1"}},
  });
}

TEST(Regex, VerboseModeLeavesOutSpaceAndComments) {
  expect_rows({
      {"(?x) ^ a b # a comment ( [ \n c $ ", {"abc"}, {"a b c", "ab"}},
      {"(?x)^a\\ b[ c \\  d ]$", {"a bc", "a b ", "a bd"}, {"abc", "a bb"}},
      {"(?x)^a + b {2} $", {"aabb"}, {"ab"}},
      {"^(?x: a )\\ (?:b c)$", {"a b c"}, {"abc"}},
      {"(?x)^(?-x: )a # end", {" a"}, {"a"}},
      {"a b # c", {"a b # c"}, {"ab"}},
  });
}

TEST(Regex, WordBoundariesKnowAsciiOnly) {
  expect_rows({
      {"\\bcat\\b", {"a cat.", "cat", "日cat"}, {"cats", "concat"}},
      {"\\Bat\\b", {"cat"}, {"at"}},
      // Where Rust would say otherwise; regex.h says so.
      {"é\\b", {}, {"é "}},
  });
}

TEST(Regex, RefusesWhatIsNotAPattern) {
  for (const char* pattern :
       {"(",         ")",       "(a",        "a)",          "[",         "[]",    "[a",
        "[b-a]",     "[a-\\d]", "*",         "+a",          "a|*",       "(*)",   "(?i)*",
        "a{2,1}",    "a{",      "a{}",       "a{,3}",       "a{x}",      "a{1,2", "\\",
        "a\\",       "\\q",     "\\C",       "\\Qa\\E",     "\\Z",       "\\G",   "\\é",
        "\\x",       "\\x4",    "\\xzz",     "\\x{110000}", "\\x{D800}", "\\x{}", "\\u{123456789}",
        "\\p{Nope}", "\\p{",    "\\p",       "\\pé",        "\\p{^L}",   "[\\b]", "(?<n>a)(?<n>b)",
        "(?<>a)",    "(?<1>a)", "(?<n",      "(?P=n)",      "(?P>n)",    "(?q)",  "(?ii)",
        "(?i-i)",    "(?-)",    "(?i-)",     "(?)",         "(?",        "(?i",   "(?#a)",
        "(?>a)",     "(?|a)",   "[[:nope:]]"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_FALSE(regex.ok()) << pattern;
    EXPECT_EQ(regex.error().code(), Code::invalid_argument) << pattern;
    EXPECT_EQ(regex.error().message().find("Regex syntax error: "), 0U) << regex.error().message();
  }
}

TEST(Regex, RefusesWhatTheEngineCannotDo) {
  for (const char* pattern : {"(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(a)\\1", "\\0", "(?-u)\\xff",
                              "(?-u:\\W)", "(?-u).", "(?-u)[^a]", "[a&&b]", "[a--b]", "[a~~b]",
                              "[a[b]]", "\\b{start}", "\\<a", "(?R)a", "a{1001}"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_FALSE(regex.ok()) << pattern;
    EXPECT_EQ(regex.error().code(), Code::invalid_argument) << pattern;
  }
}

TEST(Regex, SaysWhenAPatternIsTooLarge) {
  for (const std::string& pattern :
       {std::string("(\\w{50}){20}"), "(" + std::string(70000, 'a') + ")"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_FALSE(regex.ok());
    EXPECT_EQ(regex.error().code(), Code::invalid_argument);
  }
  EXPECT_NE(Regex::compile("(\\w{50}){20}").error().message().find("too large"), std::string::npos);
  EXPECT_TRUE(Regex::compile("\\w{50}").ok());
}

TEST(Regex, SharesMemoryAmongExpressionsThatAreUsedTogether) {
  EXPECT_EQ(Regex::memory_of_each(0), Regex::kMemoryMax);
  EXPECT_EQ(Regex::memory_of_each(16), Regex::kMemoryMax);
  const size_t one_of_many = Regex::memory_of_each(10'000);
  EXPECT_LT(one_of_many * 10'000, Regex::kMemoryMax * 17);
  const auto large = Regex::compile("\\w{50}", one_of_many);
  ASSERT_FALSE(large.ok());
  EXPECT_NE(large.error().message().find("too large"), std::string::npos);
  const auto small = Regex::compile("wor[dk] \\d+", one_of_many);
  ASSERT_TRUE(small.ok());
  EXPECT_TRUE(small->matches("some work 7"));
  EXPECT_FALSE(small->matches("some work"));
}

TEST(Regex, FindsPlainTextsAsTheyAre) {
  const std::string text(60'000, 'x');
  const auto regex = Regex::compile(text);
  ASSERT_TRUE(regex.ok());
  // As an expression it would have 60,000 states at each of a million bytes.
  EXPECT_TRUE(regex->matches(std::string(1'000'000, 'x')));
  EXPECT_FALSE(regex->matches(std::string(59'999, 'x') + "y"));
  EXPECT_FALSE(regex->matches(""));
  EXPECT_FALSE(regex->matches(std::string_view()));
  expect_rows({{"日-é #&~,:<>=!@/\n", {"a日-é #&~,:<>=!@/\nb"}, {"日-É #&~,:<>=!@/\n", "日"}}});
}

TEST(Regex, RefusesClassesByTheThousand) {
  for (const char* one : {"\\w", "\\W", "\\d", "\\D", "\\pL", "\\P{Greek}"}) {
    std::string pattern;
    for (int i = 0; i < 2001; ++i) pattern += one;
    const auto regex = Regex::compile("[" + pattern + "]");
    ASSERT_FALSE(regex.ok()) << one;
    EXPECT_NE(regex.error().message().find("Unicode classes"), std::string::npos) << one;
  }
}

TEST(Regex, IsLinearOnPatternsThatBacktrack) {
  const auto regex = Regex::compile("^(a+)+$");
  ASSERT_TRUE(regex.ok());
  EXPECT_FALSE(regex->matches(std::string(100000, 'a') + "b"));
  EXPECT_TRUE(regex->matches(std::string(100000, 'a')));
}

TEST(Regex, TakesNulsAndTruncatedPatternsAsTheyAre) {
  const auto regex = Regex::compile(std::string_view("a\0b", 3));
  ASSERT_TRUE(regex.ok());
  EXPECT_TRUE(regex->matches(std::string_view("xa\0bx", 5)));
  EXPECT_FALSE(regex->matches("ab"));
  EXPECT_FALSE(Regex::compile("\xC3").ok());
}

}  // namespace
}  // namespace viridian
