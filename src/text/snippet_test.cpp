#include "text/snippet.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "codec/utf8.h"
#include "text/terms_fixture.h"

namespace viridian::text {
namespace {

std::string show(std::string_view document, std::string_view query, size_t characters) {
  Tokenizer tokenizer = plain_tokenizer();
  const auto terms = query_terms(tokenizer, query);
  const Snippet snippet = best_passage(tokenizer, document, terms, characters);
  std::string shown;
  size_t at = snippet.passage.begin;
  for (const TextRange& range : snippet.highlights) {
    shown += std::string(document.substr(at, range.begin - at)) + "[";
    shown += std::string(document.substr(range.begin, range.end - range.begin)) + "]";
    at = range.end;
  }
  return shown + std::string(document.substr(at, snippet.passage.end - at));
}

TEST(Snippet, ShowsWhereMostOfTheQueryIs) {
  const std::string_view text =
      "A cat sat. Then a dog came by, and much else was to be seen there. In the end the cat and "
      "the "
      "dog lay side by side, and so they slept.";
  EXPECT_EQ(show(text, "end cat dog", 40), "In the [end] the [cat] and the [dog] lay side");
  EXPECT_EQ(show(text, "sat", 16), "A cat [sat]. Then");
  EXPECT_EQ(show(text, "slept", 20), "and so they [slept].");
  EXPECT_EQ(show(text, "bird", 12), "A cat sat");
  EXPECT_EQ(show("short cat", "cat", 100), "short [cat]");
  EXPECT_EQ(show("", "cat", 10), "");
  EXPECT_EQ(show("Donaudampfschiff", "cat", 5), "Donau");
  EXPECT_EQ(show("cat", "cat", 0), "");
}

TEST(Snippet, JoinsPairsOfCharacters) {
  EXPECT_EQ(show("私は東京都に住む", "東京都", 5), "は[東京都]に");
}

TEST(Snippet, FitsAndIsWhole) {
  WordRandom random(1);
  Tokenizer tokenizer = plain_tokenizer();
  const std::vector<std::string> parts = {"ab", "c", " ", " ",  ". ",  "é",
                                          "京", "'", "(", "w1", " w2 "};
  uint64_t highlighted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (uint32_t i = random() % 60; i > 0; --i) text += parts[random() % parts.size()];
    const auto terms = query_terms(tokenizer, "w1 w2 é 京京 ab");
    const size_t characters = random() % 40;
    const Snippet snippet = best_passage(tokenizer, text, terms, characters);
    const auto [begin, end] = snippet.passage;
    ASSERT_TRUE(begin <= end && end <= text.size());
    const std::string_view passage = std::string_view(text).substr(begin, end - begin);
    size_t count = 0;
    for (size_t at = 0; at < passage.size(); ++count) {
      ASSERT_NE(json::utf8_length(passage, at), 0U) << "not between characters";
      at += json::utf8_length(passage, at);
    }
    ASSERT_LE(count, characters) << text;
    size_t last = begin;
    for (const TextRange& range : snippet.highlights) {
      ASSERT_TRUE(last <= range.begin && range.begin < range.end && range.end <= end);
      last = range.end;
    }
    highlighted += snippet.highlights.size();
  }
  EXPECT_GT(highlighted, 10000U);
}

/// The weight of the best passage that any two words of the text begin and end.
TEST(Snippet, IsWorthAsMuchAsAnyOther) {
  WordRandom random(2);
  Tokenizer tokenizer = plain_tokenizer();
  const std::vector<QueryTerm> terms = {{"w1", 1}, {"w2", 2}, {"w3", 4}};
  const auto worth = [&](std::string_view passage) {
    double sum = 0;
    const auto found = tokenizer.terms(passage);
    for (const QueryTerm& term : terms)
      if (std::find(found.begin(), found.end(), term.text) != found.end()) sum += term.weight;
    return sum;
  };
  for (int round = 0; round < 1000; ++round) {
    const std::string text = zipf_text(random, random() % 40, 12);
    const size_t characters = 3 + random() % 30;
    const auto [begin, end] = best_passage(tokenizer, text, terms, characters).passage;
    double most = 0;
    for (size_t first = 0; first < text.size(); ++first) {
      if (text[first] != 'w') continue;
      for (size_t last = first; last <= std::min(text.size(), first + characters); ++last)
        if (last == text.size() || text[last] == ' ')
          most = std::max(most, worth(text.substr(first, last - first)));
    }
    ASSERT_EQ(worth(text.substr(begin, end - begin)), most) << text;
  }
}

}  // namespace
}  // namespace viridian::text
