#include "postings/row_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace viridian::postings {
namespace {

using Random = std::mt19937;

std::vector<Row> random_rows(Random& random, uint32_t rows, double share) {
  std::bernoulli_distribution in(share);
  std::vector<Row> list;
  for (uint32_t row = 0; row < rows; ++row)
    if (in(random)) list.push_back(static_cast<Row>(row));
  return list;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(RowList, GivesBackWhatWasAppended) {
  Random random(1);
  for (const uint32_t rows : {1U, 2U, 63U, 64U, 65U, 1000U, 4097U, 65535U, 65536U}) {
    for (const double share : {0.0, 0.0001, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 0.999, 1.0}) {
      const std::vector<Row> list = random_rows(random, rows, share);
      const auto count = static_cast<uint32_t>(list.size());
      std::string kept;
      append_list(list, rows, kept);
      ASSERT_EQ(kept.size(), list_bytes(count, rows));
      EXPECT_LE(kept.size(), std::min<size_t>(count * 2, rows / 8 + 1));
      std::vector<Row> read;
      ASSERT_TRUE(read_list(bytes_of(kept), count, rows, read));
      EXPECT_EQ(read, list);
      RowBits bits{};
      ASSERT_TRUE(read_list(bytes_of(kept), count, rows, bits));
      EXPECT_EQ(RowSet::of(std::make_unique<RowBits>(bits)), RowSet::of(list));
    }
  }
}

TEST(RowList, IsSmallWhereRowsAreFew) {
  EXPECT_EQ(list_bytes(65536, 65536), 0U);
  // 6 low bits of each, and 3 bits at most for the high ones.
  EXPECT_LE(list_bytes(655, 65536), 655 * 9 / 8 + 2);
  EXPECT_LE(list_bytes(40000, 65536), 65536U / 8);
}

TEST(RowList, RefusesWhatIsNoSuchList) {
  Random random(2);
  uint64_t refused = 0, taken = 0;
  for (int round = 0; round < 3000; ++round) {
    const uint32_t rows = 1 + random() % kBlockRows;
    const auto list = random_rows(random, rows, std::pow(0.5, random() % 14));
    std::string kept;
    append_list(list, rows, kept);
    if (kept.empty()) continue;
    for (int flips = 0; flips < 3; ++flips)
      kept[random() % kept.size()] ^= static_cast<char>(1 << random() % 8);
    kept.resize(kept.size() - random() % 2);
    std::vector<Row> read;
    const bool good = read_list(bytes_of(kept), static_cast<uint32_t>(list.size()), rows, read);
    for (const Row row : read) ASSERT_LT(row, rows);
    ASSERT_TRUE(std::is_sorted(read.begin(), read.end()));
    if (good) {
      ASSERT_EQ(read.size(), list.size());
    }
    RowBits bits{};
    if (read_list(bytes_of(kept), static_cast<uint32_t>(list.size()), rows, bits))
      for_each_bit(bits, [&](Row row) { ASSERT_LT(row, rows); });
    ++(good ? taken : refused);
  }
  EXPECT_GT(refused, 500U);
  EXPECT_GT(taken, 100U);
}

}  // namespace
}  // namespace viridian::postings
