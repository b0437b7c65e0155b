#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/utf8.h"
#include "text/stop_words.h"
#include "text/terms_fixture.h"

namespace viridian::text {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Tokenizer tokenizer_of(TokenizerSettings settings) {
  auto tokenizer = Tokenizer::create(std::move(settings));
  EXPECT_TRUE(tokenizer.ok());
  return *std::move(tokenizer);
}

std::vector<std::string> terms_of(std::string_view text, TokenizerSettings settings = {}) {
  return tokenizer_of(std::move(settings)).terms(text);
}

TEST(Tokenizer, SplitsAtWhatIsNoLetterOrDigit) {
  EXPECT_THAT(terms_of("The quick-brown fox, 3.14 snake_case"),
              ElementsAre("the", "quick", "brown", "fox", "3", "14", "snake", "case"));
  EXPECT_THAT(terms_of("Ærø — naïve, Größe; Δοκιμή Проверка"),
              ElementsAre("ærø", "naive", "grosse", "δοκιμη", "проверка"));
  EXPECT_THAT(terms_of("  \t\n…"), IsEmpty());
  EXPECT_THAT(terms_of(""), IsEmpty());
}

TEST(Tokenizer, KeepsApostrophesBetweenLetters) {
  EXPECT_THAT(terms_of("don't don\u2019t 'quoted' dogs' rock'n'roll ''"),
              ElementsAre("don't", "don't", "quoted", "dogs", "rock'n'roll"));
  EXPECT_THAT(terms_of("l'eau d\u2019\u00e9t\u00e9", {.language = "french", .stop_words = true}),
              ElementsAre("eau", "ete"));
}

TEST(Tokenizer, PairsCharactersOfScriptsWithoutSpaces) {
  EXPECT_THAT(terms_of("東京都"), ElementsAre("東京", "京都"));
  EXPECT_THAT(terms_of("日本 語"), ElementsAre("日本", "語"));
  EXPECT_THAT(terms_of("第3章abc章、節"), ElementsAre("第", "3", "章", "abc", "章", "節"));
  EXPECT_THAT(terms_of("한국어"), ElementsAre("한국", "국어"));
  // Sound marks make other kana, they are no accents; and half width is but a way of writing.
  EXPECT_THAT(terms_of("ガギ"), ElementsAre("ガギ"));
  EXPECT_THAT(terms_of("ｶﾞｷﾞ"), ElementsAre("ガギ"));
  EXPECT_THAT(terms_of("か\u3099き"), ElementsAre("がき"));
}

TEST(Tokenizer, FoldsWaysOfWriting) {
  EXPECT_THAT(terms_of("ﬁn Ⅷ ①② Ａｂｃ STRASSE Straße"),
              ElementsAre("fin", "viii", "12", "abc", "strasse", "strasse"));
  EXPECT_THAT(terms_of("co\u00ADop zu\u200Crück e\u0301te\u0301 \u00e9t\u00e9"),
              ElementsAre("coop", "zuruck", "ete", "ete"));
  EXPECT_THAT(terms_of("\u0301 हिन्दी"), ElementsAre("हिन्दी"));
  EXPECT_THAT(terms_of("École", {.fold_accents = false}), ElementsAre("école"));
  EXPECT_THAT(terms_of("École Paris", {.fold_case = false}), ElementsAre("Ecole", "Paris"));
}

TEST(Tokenizer, SaysWhereWordsAre) {
  Tokenizer tokenizer = plain_tokenizer();
  const std::string text = "(\u00c9t\u00e9\u00ad, don't! 京都府";
  std::vector<std::string> words;
  tokenizer.start(text);
  for (Term term; tokenizer.next(term);)
    words.push_back(text.substr(term.begin, term.end - term.begin));
  EXPECT_THAT(words, ElementsAre("\u00c9t\u00e9", "don't", "京都", "都府"));
}

TEST(Tokenizer, ReducesToStems) {
  const TokenizerSettings english{.language = "english", .stop_words = true};
  EXPECT_THAT(terms_of("The runners are running to the dog's résumés", english),
              ElementsAre("runner", "run", "dog", "resum"));
  EXPECT_THAT(terms_of("resumes", english), ElementsAre("resum"));
  // The stemmer needs to see the accents, but those who ask need not write them.
  EXPECT_THAT(terms_of("Häuser Haus", {.language = "german"}), ElementsAre("haus", "haus"));
  EXPECT_THAT(terms_of("бегающий", {.language = "russian"}), ElementsAre("бега"));
  EXPECT_FALSE(Tokenizer::create({.language = "klingon"}).ok());
  EXPECT_FALSE(Tokenizer::create({.language = "en"}).ok());
}

TEST(Tokenizer, GivesTheSameStemsInWhateverOrder) {
  WordRandom random(1);
  const std::vector<std::string> endings = {"", "s", "ing", "ed", "ation", "ly", "ness"};
  std::vector<std::string> words;
  for (int i = 0; i < 20000; ++i)
    words.push_back("w" + std::string(1, static_cast<char>('a' + random() % 26)) +
                    std::string(1, static_cast<char>('a' + random() % 26)) + "t" +
                    endings[random() % endings.size()]);
  Tokenizer used = tokenizer_of({.language = "english"});
  for (const std::string& word : words) {
    const auto stems = used.terms(word);
    if (random() % 100 == 0) {
      EXPECT_EQ(stems, terms_of(word, {.language = "english"}));
    }
  }
}

/// What the tokenizer is to make of ASCII.
std::vector<std::string> ascii_terms(std::string_view text) {
  const auto is_word = [&](size_t i) { return i < text.size() && std::isalnum(text[i]) != 0; };
  std::vector<std::string> terms;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool joins = text[i] == '\'' && i > 0 && is_word(i - 1) && is_word(i + 1);
    if (!is_word(i) && !joins) continue;
    if (i == 0 || (!joins && !is_word(i - 1) && !(text[i - 1] == '\'' && i > 1 && is_word(i - 2))))
      terms.emplace_back();
    terms.back().push_back(static_cast<char>(std::tolower(text[i])));
  }
  return terms;
}

TEST(Tokenizer, TreatsAsciiAsItTreatsTheRest) {
  WordRandom random(2);
  const std::string_view letters = "abZ9'' .-\n";
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (uint32_t i = random() % 20; i > 0; --i) text.push_back(letters[random() % letters.size()]);
    const auto terms = terms_of(text);
    ASSERT_EQ(terms, ascii_terms(text)) << text;
    // The same with a letter that keeps words from the short way.
    std::string wide;
    for (const char c : text) wide += c == 'a' ? "\u00e1" : std::string(1, c);
    ASSERT_EQ(terms_of(wide), terms) << text;
  }
}

TEST(Tokenizer, TakesAnyBytes) {
  WordRandom random(3);
  Tokenizer tokenizer = tokenizer_of({.language = "english", .stop_words = true});
  const std::vector<std::string> parts = {"a",    "9",        "'",      " ",    "\xff", "\xc3",
                                          "\x80", "\xe2\x82", "京",     "ｶ",    "ﾞ",    "\u0301",
                                          "é",    "\u00ad",   "\u2019", "\xf4", "Ǆ",    "ﷺ"};
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (uint32_t i = random() % 30; i > 0; --i) text += parts[random() % parts.size()];
    tokenizer.start(text);
    size_t begin = 0;
    for (Term term; tokenizer.next(term); begin = term.begin) {
      ASSERT_TRUE(begin <= term.begin && term.begin < term.end && term.end <= text.size());
      ASSERT_FALSE(term.text.empty());
      for (size_t at = 0; at < term.text.size(); at += json::utf8_length(term.text, at))
        ASSERT_NE(json::utf8_length(term.text, at), 0U) << text;
    }
  }
}

TEST(Tokenizer, CutsLongWordsBetweenCharacters) {
  std::string word;
  for (int i = 0; i < 1000; ++i) word += "é";
  const auto terms = terms_of(word + " b", {.fold_accents = false});
  ASSERT_EQ(terms.size(), 2U);
  EXPECT_EQ(terms[0].size(), Tokenizer::kMostTermBytes);
  EXPECT_EQ(terms_of(std::string(1000, 'x'))[0].size(), Tokenizer::kMostTermBytes);
}

TEST(StopWords, AreOfTheLanguage) {
  EXPECT_TRUE(is_stop_word("english", "the"));
  EXPECT_TRUE(is_stop_word("german", "und"));
  EXPECT_FALSE(is_stop_word("english", "und"));
  EXPECT_FALSE(is_stop_word("", "the"));
}

}  // namespace
}  // namespace viridian::text
