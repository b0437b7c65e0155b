#include "text/terms_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "text/posting_cursor.h"
#include "text/terms_fixture.h"

namespace viridian::text {
namespace {

using postings::Row;
using postings::RowSet;

/// Documents in blocks of rows, as the terms of each and as indexes.
struct Blocks {
  std::vector<std::vector<std::vector<std::string>>> words;
  std::vector<std::unique_ptr<postings::MemorySource>> sources;
  std::vector<TermsIndex> indexes;
};

Blocks random_blocks(WordRandom& random, uint32_t vocabulary, uint32_t most_rows) {
  Blocks blocks;
  Tokenizer tokenizer = plain_tokenizer();
  for (uint32_t count = 1 + random() % 4; count > 0; --count) {
    TermsBuilder builder(tokenizer);
    auto& words = blocks.words.emplace_back();
    std::vector<std::string> texts;
    const uint32_t rows = random() % most_rows;
    for (uint32_t row = 0; row < rows; ++row) {
      // Copies, whose scores are the same.
      if (row > 0 && random() % 8 == 0)
        texts.push_back(texts[random() % row]);
      else
        texts.push_back(zipf_text(random, random_length(random), vocabulary));
      words.push_back(tokenizer.terms(texts.back()));
      builder.add(static_cast<Row>(row), texts.back());
    }
    blocks.sources.push_back(
        std::make_unique<postings::MemorySource>(std::move(builder).finish(rows)));
    auto index = TermsIndex::open(*blocks.sources.back());
    EXPECT_TRUE(index.ok());
    blocks.indexes.push_back(*std::move(index));
  }
  return blocks;
}

Bm25Statistics statistics_of(const Blocks& blocks, const std::vector<QueryTerm>& terms) {
  Bm25Statistics statistics;
  statistics.frequencies.resize(terms.size());
  for (const TermsIndex& index : blocks.indexes) EXPECT_TRUE(statistics.add(index, terms).ok());
  return statistics;
}

/// Scores every document, without any index.
std::vector<TextHit> score_all(const Blocks& blocks, const std::vector<RowSet>* allowed,
                               const std::vector<QueryTerm>& terms, const Bm25& scorer, size_t k) {
  std::vector<TextHit> hits;
  for (uint32_t block = 0; block < blocks.words.size(); ++block) {
    for (uint32_t row = 0; row < blocks.words[block].size(); ++row) {
      if (allowed != nullptr && !(*allowed)[block].contains(static_cast<Row>(row))) continue;
      const std::vector<std::string>& words = blocks.words[block][row];
      TextHit hit{0, block, static_cast<Row>(row)};
      for (size_t i = 0; i < terms.size(); ++i) {
        const auto frequency = std::count(words.begin(), words.end(), terms[i].text);
        if (frequency > 0)
          hit.units += scorer.contribution(i, static_cast<uint32_t>(frequency),
                                           static_cast<uint32_t>(words.size()));
      }
      if (hit.units > 0) hits.push_back(hit);
    }
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const TextHit& a, const TextHit& b) { return a.units > b.units; });
  hits.resize(std::min(hits.size(), k));
  return hits;
}

std::vector<RowSet> random_allowed(WordRandom& random, const Blocks& blocks) {
  std::vector<RowSet> allowed;
  std::bernoulli_distribution in(std::pow(0.5, random() % 10));
  for (const auto& words : blocks.words) {
    std::vector<Row> rows;
    for (uint32_t row = 0; row < words.size(); ++row)
      if (in(random)) rows.push_back(static_cast<Row>(row));
    allowed.push_back(RowSet::of(std::move(rows)));
  }
  return allowed;
}

TEST(TermsSearch, FindsWhatScoringAllFinds) {
  WordRandom random(1);
  Tokenizer tokenizer = plain_tokenizer();
  uint64_t found = 0;
  for (int round = 0; round < 40; ++round) {
    const uint32_t vocabulary = 5 + random() % 2000;
    const Blocks blocks = random_blocks(random, vocabulary, round % 4 == 0 ? 5000 : 600);
    for (int query = 0; query < 6; ++query) {
      const auto terms =
          query_terms(tokenizer, zipf_text(random, 1 + random() % 7, vocabulary) + " absent");
      const Bm25Settings settings{.k1 = query % 3 * 0.8, .b = query % 2 * 0.75};
      const Bm25 scorer(settings, statistics_of(blocks, terms), terms);
      const auto allowed = random_allowed(random, blocks);
      const auto* only = query % 2 == 0 ? nullptr : &allowed;
      const size_t k = query == 5 ? 1000 : random() % 20;
      TermsSearch search(scorer, terms, k);
      for (uint32_t block = 0; block < blocks.indexes.size(); ++block)
        ASSERT_TRUE(
            search.search(block, blocks.indexes[block], only == nullptr ? nullptr : &(*only)[block])
                .ok());
      const auto hits = std::move(search).take();
      ASSERT_EQ(hits, score_all(blocks, only, terms, scorer, k));
      found += hits.size();
    }
  }
  EXPECT_GT(found, 1000U);
}

TEST(TermsSearch, ScoresFewOfMany) {
  WordRandom random(2);
  Tokenizer tokenizer = plain_tokenizer();
  TermsBuilder builder(tokenizer);
  for (uint32_t row = 0; row < 20000; ++row)
    builder.add(static_cast<Row>(row), zipf_text(random, 5 + random() % 30, 5000));
  const postings::MemorySource source(std::move(builder).finish(20000));
  const auto index = TermsIndex::open(source);
  ASSERT_TRUE(index.ok());
  const auto terms = query_terms(tokenizer, "w1 w2 w300");
  Bm25Statistics statistics;
  ASSERT_TRUE(statistics.add(*index, terms).ok());
  const Bm25 scorer({}, statistics, terms);
  TermsSearch search(scorer, terms, 10);
  ASSERT_TRUE(search.search(0, *index).ok());
  // w1 alone is in more than 8,000.
  EXPECT_LT(search.scored(), 5000U);
  EXPECT_GT(statistics.frequencies[0], 8000U);
}

TEST(Bm25, IsTheFormula) {
  const std::vector<QueryTerm> terms = {{"a", 1}, {"b", 2}};
  const Bm25 scorer({.k1 = 1.5, .b = 0.5},
                    {.documents = 100, .total_length = 900, .frequencies = {3, 100}}, terms);
  const double idf = std::log(1 + (100 - 3 + 0.5) / (3 + 0.5));
  EXPECT_NEAR(score_of(scorer.contribution(0, 2, 12)),
              idf * 2 / (2 + 1.5 * (1 - 0.5 + 0.5 * 12 / 9.0)), 1e-9);
  EXPECT_NEAR(score_of(scorer.contribution(1, 1, 9)), 2 * std::log(1 + 0.5 / 100.5) / (1 + 1.5),
              1e-9);
}

TEST(Bm25, IsBoundedByGreaterFrequenciesAndShorterDocuments) {
  WordRandom random(3);
  for (int round = 0; round < 100000; ++round) {
    const uint64_t documents = 1 + random() % 1000000;
    const Bm25 scorer({.k1 = random() % 40 / 10.0, .b = random() % 11 / 10.0},
                      {.documents = documents,
                       .total_length = documents * (1 + random() % 300),
                       .frequencies = {random() % (documents + 1)}},
                      {{"a", 1.0 + random() % 3}});
    const uint32_t most = 1 + random() % 2000, shortest = 1 + random() % 2000;
    const uint32_t frequency = 1 + random() % most, length = shortest + random() % 3;
    ASSERT_LE(scorer.contribution(0, frequency, length), scorer.bound(0, most, shortest));
  }
}

TEST(TermsSearch, EndsWithAnErrorWhereBytesAreDamaged) {
  WordRandom random(4);
  Tokenizer tokenizer = plain_tokenizer();
  TermsBuilder builder(tokenizer);
  for (uint32_t row = 0; row < 3000; ++row)
    builder.add(static_cast<Row>(row), zipf_text(random, 1 + random() % 12, 50));
  const std::string good = std::move(builder).finish(3000);
  const auto terms = query_terms(tokenizer, "w1 w2 w3 w17 w40");
  uint64_t refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good;
    const size_t at = random() % bytes.size();
    bytes[at] = static_cast<char>(random());
    const postings::MemorySource source(std::move(bytes));
    const auto index = TermsIndex::open(source);
    Bm25Statistics statistics;
    if (!index.ok() || !statistics.add(*index, terms).ok()) {
      ++refused;
      continue;
    }
    const Bm25 scorer({}, statistics, terms);
    TermsSearch search(scorer, terms, 5);
    const auto status = search.search(0, *index);
    refused += status.ok() ? 0 : 1;
    for (const TextHit& hit : std::move(search).take()) ASSERT_LT(hit.row, index->rows());
  }
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace viridian::text
