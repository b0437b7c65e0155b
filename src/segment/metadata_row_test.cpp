#include "segment/metadata_row.h"

#include <gtest/gtest.h>

#include <limits>

#include "segment/index_choice.h"

namespace viridian::segment {
namespace {

std::vector<std::byte> written(const RowBuilder& builder) {
  std::vector<std::byte> bytes(builder.size());
  builder.write(bytes.data());
  return bytes;
}

// One builder serves all rows: what one row had must not get into the next, not even unseen.
TEST(MetadataRow, BuilderKeepsNothingOfTheRowBefore) {
  RowBuilder builder;
  const RowId plain("plain");
  builder.start(plain);
  const std::vector<std::byte> small = written(builder);
  builder.start(RowId("other"));
  builder.set_document("secret");
  builder.set_uri("place");
  builder.start(*RowView::parse(small));
  EXPECT_EQ(written(builder), small);
}

TEST(MetadataRow, AnyCutOfARowIsRefused) {
  RowBuilder builder;
  builder.start(RowId("a"));
  builder.set_document("text");
  MetadataColumnsBuilder columns;
  columns.set(0, "k", std::vector<std::string>{"x", "y"});
  const std::vector<MetadataColumn> metadata = columns.finish();
  builder.set(0, metadata[0], 0);
  const std::vector<std::byte> bytes = written(builder);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(RowView::parse(std::span(bytes).first(size))) << size;
  EXPECT_TRUE(RowView::parse(bytes));
}

// Rows are asked about by merges, which believe nothing that a file says.
TEST(IndexChoice, AKeyWithoutANameIsNotIndexed) {
  const auto keys = std::make_shared<KeyDictionary>();
  keys->add("known");
  IndexChoice choice(std::make_shared<const Schema>(), keys);
  EXPECT_TRUE(choice.values(uint32_t{0}, MetadataType::integer));
  EXPECT_FALSE(choice.values(uint32_t{1}, MetadataType::integer));
  EXPECT_FALSE(choice.values(std::numeric_limits<uint32_t>::max(), MetadataType::integer));
}

}  // namespace
}  // namespace viridian::segment
