#include "text/trigram_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "text/documents_fixture.h"

namespace viridian::text {
namespace {

using postings::Row;
using postings::RowSet;

RowSet holders(const Documents& documents, const std::string& text) {
  return rows_where(documents, [&](const std::string& document) {
    return document.find(text) != std::string::npos;
  });
}

/// A part of a document, or a text that may be in none.
std::string random_wanted(Random& random, const Documents& documents) {
  const auto& document = documents[random() % documents.size()];
  if (!document || document->empty() || random() % 4 == 0)
    return random_text(random, 1 + random() % 5);
  const size_t begin = random() % document->size();
  return document->substr(begin, 1 + random() % (random() % 3 == 0 ? 60 : 5));
}

RowSet random_rows(Random& random, size_t rows, size_t one_of) {
  std::vector<Row> some;
  for (size_t row = 0; row < rows; ++row)
    if (random() % one_of == 0) some.push_back(static_cast<Row>(row));
  return RowSet::of(std::move(some));
}

TEST(TrigramIndex, FindsAllThatHoldATextAndKnowsWhenThatIsExact) {
  Random random(11);
  for (int block = 0; block < 12; ++block) {
    const Documents documents = random_documents(random, block == 0 ? 6000 : random() % 900 + 1);
    const auto index = open(build(documents));
    ASSERT_TRUE(index.ok()) << index.error().message();
    ASSERT_EQ(index->rows(), documents.size());
    for (int round = 0; round < 120; ++round) {
      const std::string text = random_wanted(random, documents);
      const RowSet truth = holders(documents, text);
      const auto found = index->containing(text);
      ASSERT_TRUE(found.ok()) << found.error().message();
      ASSERT_EQ(missing(truth, found->rows), 0U) << text;
      ASSERT_TRUE(found->exact || text.size() > 3) << text;
      if (found->exact) {
        ASSERT_EQ(found->rows, truth) << text;
      }
      const auto most = index->at_most(text);
      ASSERT_TRUE(most.ok());
      ASSERT_GE(*most, truth.size()) << text;
      ASSERT_LE(*most, documents.size());

      const RowSet among = random_rows(random, documents.size(), 1 + random() % 400);
      const RowSet truth_among = in_both(truth, among);
      const auto found_among = index->containing(text, &among);
      ASSERT_TRUE(found_among.ok());
      ASSERT_EQ(missing(truth_among, found_among->rows), 0U) << text;
      ASSERT_EQ(missing(found_among->rows, among), 0U) << text;
      if (found_among->exact) {
        ASSERT_EQ(found_among->rows, truth_among) << text;
      }
    }
  }
}

TEST(TrigramIndex, AnEmptyTextIsInAllRowsAndATerminatorInNone) {
  const auto index = open(build({"a", std::nullopt, "", "\xC3\xA9"}));
  ASSERT_TRUE(index.ok());
  const auto all = index->containing("");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->rows, RowSet::first(4));
  EXPECT_EQ(*index->at_most(""), 4U);
  for (const char* text : {"\xFF", "a\xFF", "a\xFF\xFF", "\xA9\xFF\xFF"}) {
    EXPECT_TRUE(index->containing(text)->rows.empty());
    EXPECT_EQ(*index->at_most(text), 0U);
  }
}

TEST(TrigramIndex, HoldsAWholeBlockAndNothing) {
  Documents documents(postings::kBlockRows, "it is the same in all rows");
  documents.front() = "first";
  documents.back() = "last";
  const auto index = open(build(documents));
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(index->containing("las")->rows, RowSet::of({65535}));
  EXPECT_EQ(index->containing("same")->rows.size(), 65534U);
  EXPECT_LT(index->bytes(), 1000U);

  for (const auto& bytes : {build({}), build({std::nullopt}), build({""})}) {
    const auto empty = open(bytes);
    ASSERT_TRUE(empty.ok());
    for (const char* text : {"a", "ab", "abc", "abcd"})
      EXPECT_TRUE(empty->containing(text)->rows.empty());
  }
}

TEST(TrigramIndex, LeavesFewOfManyForALongText) {
  Random random(12);
  const auto words = [&](size_t count) {
    std::string text;
    while (count-- > 0)
      for (size_t i = 0; i < 6; ++i) text.push_back(i == 5 ? ' ' : "etaoinsh"[random() % 8]);
    return text;
  };
  Documents documents;
  for (int row = 0; row < 2000; ++row) documents.emplace_back(words(40));
  documents[77] = words(200000);
  const auto index = open(build(documents));
  ASSERT_TRUE(index.ok());
  for (int row = 0; row < 100; ++row) {
    const auto found = index->containing(*documents[row]);
    ASSERT_TRUE(found.ok());
    EXPECT_TRUE(found->rows.contains(static_cast<Row>(row)));
    EXPECT_LE(found->rows.size(), 8U);
  }
}

TEST(TrigramIndex, ThirtyFivePercentOfTextsOfTwoHundredWords) {
  Random random(13);
  std::vector<std::string> vocabulary(5000);
  for (std::string& word : vocabulary)
    for (size_t i = 2 + random() % 8; i > 0; --i)
      word += "eeettaaooiinnsshrdlucmfwyp"[random() % 26];
  Documents documents(1000);
  size_t text_bytes = 0;
  for (auto& document : documents) {
    document.emplace();
    // Frequent words are so in the proportions of Zipf's law.
    std::uniform_real_distribution<double> rank(0, std::log(vocabulary.size()));
    for (int i = 0; i < 200; ++i)
      *document += vocabulary[static_cast<size_t>(std::exp(rank(random))) - 1] + " ";
    text_bytes += document->size();
  }
  EXPECT_LT(build(documents).size(), text_bytes * 35 / 100);
}

TEST(TrigramBuilder, MakesTheSameBytesAgainAndCountsItsMemory) {
  Random random(14);
  const Documents documents = random_documents(random, 3000);
  TrigramBuilder builder;
  const size_t empty = builder.memory();
  std::string first;
  for (int round = 0; round < 2; ++round) {
    for (size_t row = 0; row < documents.size(); ++row)
      if (documents[row]) builder.add(static_cast<Row>(row), *documents[row]);
    EXPECT_GT(builder.memory(), empty);
    const std::string bytes = builder.finish(static_cast<uint32_t>(documents.size()));
    if (round == 0)
      first = bytes;
    else
      EXPECT_EQ(bytes, first);
  }
}

TEST(TrigramBuilder, TakesDocumentsOfMoreTrigramsThanItSortsAtATime) {
  Random random(16);
  Documents documents(5);
  for (const size_t row : {0, 2, 3}) {
    documents[row].emplace();
    for (int i = 0; i < 700000; ++i)
      documents[row]->push_back(static_cast<char>(' ' + random() % 95));
  }
  const auto index = open(build(documents));
  ASSERT_TRUE(index.ok());
  for (const size_t row : {0, 2, 3}) {
    for (size_t at = 0; at + 3 <= documents[row]->size(); at += 14009) {
      const std::string text = documents[row]->substr(at, 3);
      ASSERT_EQ(index->containing(text)->rows, holders(documents, text));
    }
  }
}

TEST(TrigramIndex, DamagedBytesAreRefusedOrGiveRowsOfTheBlock) {
  Random random(15);
  uint64_t refused = 0, taken = 0;
  for (int round = 0; round < 400; ++round) {
    const Documents documents = random_documents(random, 1 + random() % 300);
    std::string bytes = build(documents);
    for (int flips = 0; flips < 4; ++flips)
      bytes[random() % std::min<size_t>(bytes.size(), flips == 0 ? 64 : bytes.size())] ^=
          static_cast<char>(1 << random() % 8);
    if (random() % 2 == 0) bytes.resize(random() % bytes.size());
    const auto index = open(std::move(bytes));
    if (!index.ok()) {
      ++refused;
      continue;
    }
    for (int i = 0; i < 20; ++i) {
      const std::string text = random_wanted(random, documents);
      const auto found = index->containing(text);
      ++(found.ok() && index->at_most(text).ok() ? taken : refused);
      if (found.ok()) found->rows.for_each([&](Row row) { ASSERT_LT(row, index->rows()); });
    }
  }
  EXPECT_GT(refused, 500U);
  EXPECT_GT(taken, 500U);
}

TEST(TrigramIndex, MoreRowsThanTheBlockHasAreRefused) {
  std::string bytes = build({"abcd", "abcd", "abcd", "abcd"});
  bytes[4] = 3;
  const auto index = open(std::move(bytes));
  ASSERT_TRUE(index.ok());
  EXPECT_FALSE(index->containing("abc").ok());
  EXPECT_FALSE(index->at_most("a").ok());
}

}  // namespace
}  // namespace viridian::text
