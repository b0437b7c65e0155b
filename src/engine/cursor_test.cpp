#include "engine/cursor.h"

#include <gtest/gtest.h>

#include <limits>

namespace viridian::engine {
namespace {

const std::vector<SortKey> kOrder = {{"a", true}, {"b", false}};

TEST(Cursor, ComesBackAsItWas) {
  const std::vector<MetadataValue> values = {MetadataValue(),
                                             true,
                                             int64_t{-5},
                                             std::numeric_limits<int64_t>::min(),
                                             1.5,
                                             -std::numeric_limits<double>::infinity(),
                                             std::string(),
                                             std::string("wörd\0\xff", 7),
                                             std::string(5000, 'x')};
  for (const MetadataValue& a : values) {
    for (const MetadataValue& b : values) {
      const SortPosition position{{a, b}, 1234567890123};
      const auto read = read_cursor(kOrder, write_cursor(kOrder, position));
      ASSERT_TRUE(read.ok()) << read.error().message();
      EXPECT_EQ(*read, position);
    }
  }
  const SortPosition last{{std::vector<int64_t>{1}, std::numeric_limits<double>::quiet_NaN()}, 7};
  EXPECT_EQ(*read_cursor(kOrder, write_cursor(kOrder, last)),
            (SortPosition{{MetadataValue(), MetadataValue()}, 7}));
  EXPECT_EQ(*read_cursor({}, write_cursor({}, {{}, 9})), (SortPosition{{}, 9}));
}

TEST(Cursor, WhatIsNoCursorOfThisOrderIsRefused) {
  const std::string cursor = write_cursor(kOrder, {{int64_t{1}, std::string("text")}, 3});
  for (const std::vector<SortKey>& other :
       {std::vector<SortKey>{}, {{"a", true}}, {{"b", false}, {"a", true}}, {{"a"}, {"b"}}}) {
    const auto read = read_cursor(other, cursor);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code(), Code::invalid_argument);
    EXPECT_NE(read.error().message().find("another order_by"), std::string::npos);
  }
  for (size_t size = 0; size + 1 < cursor.size(); ++size)
    EXPECT_FALSE(read_cursor(kOrder, cursor.substr(0, size)).ok()) << size;
  for (size_t i = 0; i + 1 < cursor.size(); ++i) {
    std::string wrong = cursor;
    wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(read_cursor(kOrder, wrong).ok()) << i;
  }
  EXPECT_FALSE(read_cursor(kOrder, "{\"offset\":5}").ok());
}

}  // namespace
}  // namespace viridian::engine
