#include "postings/row_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace viridian::postings {
namespace {

/// A set that can do what a RowSet can.
class Oracle {
 public:
  std::set<Row> rows;

  void unite(const Oracle& other) { rows.insert(other.rows.begin(), other.rows.end()); }
  void intersect(const Oracle& other) {
    std::erase_if(rows, [&](Row row) { return !other.rows.contains(row); });
  }
  void subtract(const Oracle& other) {
    std::erase_if(rows, [&](Row row) { return other.rows.contains(row); });
  }
  void complement(uint32_t limit) {
    std::set<Row> others;
    for (uint32_t row = 0; row < limit; ++row)
      if (!rows.contains(static_cast<Row>(row))) others.insert(static_cast<Row>(row));
    rows = std::move(others);
  }
};

class RowSetAgainstOracle : public testing::Test {
 protected:
  std::pair<RowSet, Oracle> random_set(uint32_t limit) {
    const double shares[] = {0, 0.0001, 0.01, 0.05, 0.07, 0.5, 0.95, 1};
    std::bernoulli_distribution in(shares[random_() % std::size(shares)]);
    std::vector<Row> list;
    for (uint32_t row = 0; row < limit; ++row)
      if (in(random_)) list.push_back(static_cast<Row>(row));
    Oracle oracle{{list.begin(), list.end()}};
    return {RowSet::of(std::move(list)), std::move(oracle)};
  }

  static void expect_same(const RowSet& set, const Oracle& oracle) {
    ASSERT_EQ(set.size(), oracle.rows.size());
    std::vector<Row> rows;
    set.for_each([&](Row row) { rows.push_back(row); });
    ASSERT_TRUE(std::equal(rows.begin(), rows.end(), oracle.rows.begin(), oracle.rows.end()));
    ASSERT_EQ(set, RowSet::of(rows)) << "one set, kept in two ways";
    for (uint32_t row = 0; row < kBlockRows; row += 97)
      ASSERT_EQ(set.contains(static_cast<Row>(row)), oracle.rows.contains(static_cast<Row>(row)));
  }

  std::mt19937 random_{3};
};

TEST_F(RowSetAgainstOracle, DoesWhatSetsDo) {
  for (int round = 0; round < 60; ++round) {
    const uint32_t limit = round % 3 == 0 ? kBlockRows : 1 + random_() % kBlockRows;
    auto [set, oracle] = random_set(limit);
    for (int step = 0; step < 4; ++step) {
      const auto [other, other_oracle] = random_set(limit);
      switch (random_() % 5) {
        case 0:
          set.unite(other);
          oracle.unite(other_oracle);
          break;
        case 1:
          set.intersect(other);
          oracle.intersect(other_oracle);
          break;
        case 2:
          set.subtract(other);
          oracle.subtract(other_oracle);
          break;
        case 3:
          set.complement(limit);
          oracle.complement(limit);
          break;
        default:
          set.filter([](Row row) { return row % 3 != 0; });
          std::erase_if(oracle.rows, [](Row row) { return row % 3 == 0; });
      }
      expect_same(set, oracle);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(RowSetAgainstOracle, AddsItsBitsToThoseOfABlock) {
  for (int round = 0; round < 16; ++round) {
    auto [set, oracle] = random_set(kBlockRows);
    RowBits bits{};
    set.add_to(bits.data());
    expect_same(RowSet::of(std::make_unique<RowBits>(bits)), oracle);
  }
  EXPECT_EQ(RowSet::first(70).size(), 70U);
  EXPECT_EQ(RowSet::first(kBlockRows).size(), kBlockRows);
}

}  // namespace
}  // namespace viridian::postings
