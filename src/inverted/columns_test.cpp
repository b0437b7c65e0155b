#include "inverted/columns.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "inverted/columns_builder.h"
#include "inverted/order.h"

namespace viridian::inverted {
namespace {

using postings::MemorySource;
using postings::Row;
using postings::RowBits;
using postings::RowSet;

TEST(Order, IsThatOfTheNumbers) {
  const int64_t integers[] = {std::numeric_limits<int64_t>::min(), -5, -1, 0, 1, 7,
                              std::numeric_limits<int64_t>::max()};
  for (size_t i = 0; i < std::size(integers); ++i) {
    EXPECT_EQ(integer_of(ordered(integers[i])), integers[i]);
    if (i > 0) {
      EXPECT_LT(ordered(integers[i - 1]), ordered(integers[i]));
    }
  }
  const double infinity = std::numeric_limits<double>::infinity();
  const double floats[] = {-infinity, -1e300, -1.5, -5e-324, 0, 5e-324, 1.5, 1e300, infinity};
  for (size_t i = 0; i < std::size(floats); ++i) {
    EXPECT_EQ(floating_of(ordered(floats[i])), floats[i]);
    if (i > 0) {
      EXPECT_LT(ordered(floats[i - 1]), ordered(floats[i]));
    }
  }
  EXPECT_EQ(ordered(-0.0), ordered(0.0));
}

/// What was put into columns, by key, type and value.
struct Oracle {
  std::map<std::pair<uint32_t, MetadataType>, std::map<uint64_t, std::set<Row>>> numbers;
  std::map<std::pair<uint32_t, MetadataType>, std::map<std::string, std::set<Row>>> texts;
};

class ColumnsAgainstOracle : public testing::Test {
 protected:
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

  std::string random_text(uint32_t kinds) {
    std::string text(below(3) == 0 ? kTextPrefix - 1 + below(3) : below(12), 'x');
    for (char& c : text) c = static_cast<char>('a' + below(2));
    return text + std::to_string(below(kinds));
  }

  void fill(uint32_t rows) {
    const uint32_t keys = 1 + below(12);
    for (uint32_t key = 0; key < keys; ++key) {
      const uint32_t kinds = 1 + below(below(2) == 0 ? 4 : 100'000);
      const auto type = static_cast<MetadataType>(1 + below(kMetadataTypes - 1));
      const bool array = type >= MetadataType::booleans;
      const uint32_t one_in = 1 + below(below(2) == 0 ? 2 : 2000);
      for (uint32_t row = 0; row < rows; ++row) {
        if (below(one_in) != 0) continue;
        for (uint32_t i = array ? below(4) : 1; i > 0; --i)
          add(static_cast<Row>(row), key * 3, type, kinds);
      }
    }
  }

  void add(Row row, uint32_t key, MetadataType type, uint32_t kinds) {
    if (type == MetadataType::string || type == MetadataType::strings) {
      const std::string& kept = *kept_.insert(random_text(kinds)).first;
      builder_.add(row, key, type, std::string_view(kept));
      oracle_.texts[{key, type}][kept.substr(0, kTextPrefix)].insert(row);
    } else {
      const bool wide = below(3) == 0;
      const uint64_t value = wide ? random_() : ordered(int64_t{below(kinds)} - 7);
      builder_.add(row, key, type, value);
      oracle_.numbers[{key, type}][value].insert(row);
    }
  }

  template <class Values>
  void expect_values(const Column& column, const Values& expected) {
    ASSERT_EQ(column.values(), expected.size());
    std::vector<std::set<Row>> rows;
    uint32_t i = 0;
    for (const auto& [value, with] : expected) {
      ASSERT_EQ(value_of(column, i, value), value);
      const auto found =
          column.partition_point([&](decltype(view_of(value)) v) { return v < view_of(value); });
      ASSERT_EQ(*found, i);
      ASSERT_EQ(*column.count({i, i + 1}), with.size());
      ASSERT_EQ(listed(*column.rows({i, i + 1})), with);
      rows.push_back(with);
      ++i;
    }
    for (int round = 0; round < 5; ++round) {
      ValueRange range{below(i + 1), below(i + 1)};
      std::set<Row> expected_rows;
      for (uint32_t value = range.first; value < range.last; ++value)
        expected_rows.insert(rows[value].begin(), rows[value].end());
      ASSERT_EQ(listed(*column.rows(range)), expected_rows);
    }
  }

  static uint64_t view_of(uint64_t value) { return value; }
  static std::string_view view_of(const std::string& value) { return value; }
  static uint64_t value_of(const Column& column, uint32_t i, uint64_t) { return *column.number(i); }
  static std::string value_of(const Column& column, uint32_t i, const std::string&) {
    return std::string(*column.text(i));
  }
  static std::set<Row> listed(const RowSet& set) {
    std::set<Row> rows;
    set.for_each([&](Row row) { rows.insert(row); });
    return rows;
  }

  std::mt19937_64 random_{7};
  std::set<std::string> kept_;
  ColumnsBuilder builder_;
  Oracle oracle_;
};

TEST_F(ColumnsAgainstOracle, FindTheRowsOfEveryValue) {
  for (int round = 0; round < 30; ++round) {
    oracle_ = {};
    const uint32_t rows = round % 5 == 0 ? postings::kBlockRows : 1 + below(3000);
    fill(rows);
    const std::string bytes = builder_.finish(rows);
    kept_.clear();
    const auto columns = Columns::open(std::make_shared<MemorySource>(bytes));
    ASSERT_TRUE(columns.ok());
    ASSERT_EQ(columns->size(), oracle_.numbers.size() + oracle_.texts.size());
    for (const auto& [key, values] : oracle_.numbers)
      expect_values((*columns->find(key.first, key.second)).value(), values);
    for (const auto& [key, values] : oracle_.texts)
      expect_values((*columns->find(key.first, key.second)).value(), values);
    EXPECT_FALSE(columns->find(1, MetadataType::integer)->has_value());
    if (HasFatalFailure()) return;
  }
}

TEST_F(ColumnsAgainstOracle, AreSmallWhereValuesAreFew) {
  for (uint32_t row = 0; row < postings::kBlockRows; ++row) {
    builder_.add(static_cast<Row>(row), 0, MetadataType::boolean, uint64_t{row % 2});
    builder_.add(static_cast<Row>(row), 1, MetadataType::integer, ordered(int64_t{4}));
  }
  EXPECT_LT(builder_.finish(postings::kBlockRows).size(), 2 * postings::kBlockRows / 8 + 500);
}

TEST_F(ColumnsAgainstOracle, DamageIsAnErrorOrAnAnswer) {
  for (int round = 0; round < 300; ++round) {
    fill(200);
    std::string bytes = builder_.finish(200);
    for (uint32_t flips = 1 + below(4); flips > 0; --flips)
      bytes[below(static_cast<uint32_t>(bytes.size()))] ^= static_cast<char>(1 << below(8));
    const auto columns = Columns::open(std::make_shared<MemorySource>(bytes));
    if (!columns.ok()) continue;
    for (uint32_t key = 0; key < 36; key += 3) {
      for (uint8_t type = 1; type < kMetadataTypes; ++type) {
        const auto found = columns->find(key, static_cast<MetadataType>(type));
        if (!found.ok() || !found->has_value()) continue;
        const auto rows = (*found)->rows({0, (*found)->values()});
        if (rows.ok()) rows->for_each([](Row row) { ASSERT_LT(row, 200); });
        if ((*found)->is_text())
          (void)(*found)->partition_point([](std::string_view text) { return text < "m"; });
        else
          (void)(*found)->partition_point([](uint64_t value) { return value < kSign; });
      }
    }
  }
}

}  // namespace
}  // namespace viridian::inverted
