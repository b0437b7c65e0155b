#include "text/terms_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "text/posting_cursor.h"
#include "text/terms_fixture.h"

namespace viridian::text {
namespace {

using postings::Row;
using Frequencies = std::map<Row, uint32_t>;

struct Documents {
  std::map<Row, std::string> texts;
  uint32_t rows = 0;
};

Documents random_documents(WordRandom& random, uint32_t rows, double share) {
  Documents documents;
  documents.rows = rows;
  std::bernoulli_distribution has_one(share);
  const uint32_t vocabulary = 10 + random() % 3000;
  for (uint32_t row = 0; row < rows; ++row)
    if (has_one(random))
      documents.texts[static_cast<Row>(row)] = zipf_text(random, random_length(random), vocabulary);
  return documents;
}

std::string index_of(const Documents& documents) {
  Tokenizer tokenizer = plain_tokenizer();
  TermsBuilder builder(tokenizer);
  for (const auto& [row, text] : documents.texts) builder.add(row, text);
  return std::move(builder).finish(documents.rows);
}

/// Everything that the documents have, by the simplest means.
std::map<std::string, Frequencies> terms_of(const Documents& documents) {
  Tokenizer tokenizer = plain_tokenizer();
  std::map<std::string, Frequencies> terms;
  for (const auto& [row, text] : documents.texts)
    for (const std::string& term : tokenizer.terms(text)) ++terms[term][row];
  return terms;
}

/// What the index says of a term; unset where it is damaged.
std::optional<Frequencies> read(const TermsIndex& index, std::string_view term) {
  Frequencies read;
  const auto list = index.find(term);
  if (!list.ok()) return std::nullopt;
  if (!*list) return read;
  PostingCursor cursor;
  if (!cursor.open(index, **list)) return std::nullopt;
  for (const PostingCursor::Block& block : cursor.blocks()) {
    cursor.skip_to(block.first);
    if (!cursor.load()) return std::nullopt;
    for (size_t i = 0; i < cursor.rows().size(); ++i) {
      read[cursor.rows()[i]] = cursor.frequency(i);
      EXPECT_LE(cursor.frequency(i), block.max_frequency);
      EXPECT_LT(cursor.rows()[i], index.rows());
    }
  }
  return read;
}

TEST(TermsIndex, GivesBackWhatDocumentsHave) {
  WordRandom random(1);
  for (const uint32_t rows : {0U, 1U, 2U, 127U, 129U, 700U, 3000U}) {
    for (const double share : {0.1, 0.9, 1.0}) {
      const Documents documents = random_documents(random, rows, share);
      const postings::MemorySource source(index_of(documents));
      const auto index = TermsIndex::open(source);
      ASSERT_TRUE(index.ok()) << index.error().message();
      const auto terms = terms_of(documents);
      ASSERT_EQ(index->terms(), terms.size());
      EXPECT_EQ(index->documents(), documents.texts.size());
      std::vector<uint32_t> lengths(rows);
      for (const auto& [term, frequencies] : terms) {
        ASSERT_EQ(read(*index, term), frequencies) << term;
        ASSERT_EQ(read(*index, term + "~"), Frequencies());
        for (const auto& [row, frequency] : frequencies) lengths[row] += frequency;
      }
      for (uint32_t row = 0; row < rows; ++row)
        ASSERT_EQ(index->length(static_cast<Row>(row)), lengths[row]);
      EXPECT_EQ(read(*index, ""), Frequencies());
      EXPECT_TRUE(index->check().ok());
    }
  }
}

TEST(TermsIndex, KeepsLengthsOfAnySize) {
  for (const uint32_t words : {255U, 256U, 65535U, 65536U, 70000U}) {
    std::string text = "rare ";
    for (uint32_t i = 1; i < words; ++i) text += "x ";
    const postings::MemorySource source(index_of({{{3, text}, {9, "x"}}, 11}));
    const auto index = TermsIndex::open(source);
    ASSERT_TRUE(index.ok());
    EXPECT_EQ(index->length(3), words);
    EXPECT_EQ(index->length(9), 1U);
    EXPECT_EQ(index->total_length(), words + 1);
    EXPECT_EQ(read(*index, "x"), (Frequencies{{3, std::min(words - 1, 65535U)}, {9, 1}}));
    EXPECT_TRUE(index->check().ok());
  }
}

TEST(TermsIndex, KeepsLongTermsThatShareMuch) {
  Documents documents;
  std::string word;
  for (Row row = 0; row < 140; ++row) {
    word += row % 3 == 0 ? 'b' : 'a';
    documents.texts[row] = word;
  }
  documents.rows = 140;
  const postings::MemorySource source(index_of(documents));
  const auto index = TermsIndex::open(source);
  ASSERT_TRUE(index.ok());
  for (const auto& [term, frequencies] : terms_of(documents))
    ASSERT_EQ(read(*index, term), frequencies);
  EXPECT_TRUE(index->check().ok());
}

TEST(TermsIndex, IsSmall) {
  WordRandom random(2);
  Documents documents;
  documents.rows = 5000;
  size_t bytes = 0;
  for (uint32_t row = 0; row < documents.rows; ++row) {
    documents.texts[static_cast<Row>(row)] = zipf_text(random, 200, 30000);
    bytes += documents.texts[static_cast<Row>(row)].size();
  }
  EXPECT_LT(index_of(documents).size(), bytes / 4);
}

TEST(TermsIndex, RefusesFrequenciesAboveTheirBound) {
  std::string bytes = index_of({{{0, "x x x x"}}, 1});
  // The list, at the end: last row (2), greatest frequency, frequencies less one.
  char& greatest = bytes[bytes.size() - 2];
  ASSERT_EQ(greatest, 4);
  greatest = 3;
  const postings::MemorySource source(bytes);
  const auto index = TermsIndex::open(source);
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(read(*index, "x"), std::nullopt);
}

TEST(TermsIndex, RefusesWhatIsDamaged) {
  WordRandom random(3);
  const Documents documents = random_documents(random, 600, 0.9);
  const std::string good = index_of(documents);
  const auto terms = terms_of(documents);
  uint64_t refused = 0, found = 0;
  const int rounds = 1500;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = good;
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips) {
      const size_t at = random() % 2 == 0 ? random() % 64 : random() % bytes.size();
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << random() % 8));
    }
    if (random() % 10 == 0) bytes.resize(random() % bytes.size());
    const postings::MemorySource source(std::move(bytes));
    const auto index = TermsIndex::open(source);
    if (!index.ok()) {
      ++refused;
      continue;
    }
    found += index->check().ok() ? 0 : 1;
    for (const auto& [term, frequencies] : terms)
      if (random() % 16 == 0) static_cast<void>(read(*index, term));
  }
  EXPECT_GT(refused, 250U);
  // What is left are bounds that are too high, and padding.
  EXPECT_GT(refused + found, rounds * 95 / 100);
}

}  // namespace
}  // namespace viridian::text
