#include <gtest/gtest.h>

#include "property/segment_rig.h"
#include "segment/block_sections.h"

// Rows as they lie in metadata files: packed in blocks, or plain, as older programs wrote them.
namespace viridian::conformance {
namespace {

Row record(int i, const std::string& text) {
  Row row{"id" + std::to_string(i), {static_cast<float>(i), 1, 2}};
  Metadata metadata;
  metadata.set("n", int64_t{i});
  metadata.set("word", text + std::to_string(i % 7));
  row.metadata = std::move(metadata);
  if (i % 5 != 0) row.document = i % 11 == 0 ? "" : text + " of record " + std::to_string(i);
  if (i % 3 == 0) row.uri = "place/" + std::to_string(i);
  return row;
}

void upsert(SegmentRig& rig, int begin, int end, const std::string& text) {
  std::vector<Row> rows;
  for (int i = begin; i < end; ++i) rows.push_back(record(i, text));
  rig.apply(batch_of(Operation::upsert, rows));
}

std::string bytes_of(const std::shared_ptr<const postings::Source>& source) {
  if (!source) return {};
  const auto bytes = source->read(0, source->size());
  EXPECT_TRUE(bytes.ok());
  return std::string(os::as_text(*bytes));
}

TEST(PackedRows, BlocksOfWhichAllRowsStayAreKeptAsTheyAre) {
  constexpr int kRows = segment::BlockSectionsWriter::kLeastKept + 100;
  Generator generator(1);
  SegmentRig rig;
  ASSERT_TRUE(rig.open().ok());
  upsert(rig, 0, kRows, "text");
  rig.seal();
  EXPECT_FALSE(rig.metadata().compacted()) << "what is sealed is compressed in haste";
  const std::string hasty = bytes_of(rig.blocks()->front().packed_rows);
  rig.merge_everything();
  EXPECT_TRUE(rig.metadata().compacted());
  const std::string rows = bytes_of(rig.blocks()->front().packed_rows);
  EXPECT_LT(rows.size(), hasty.size());
  const std::string columns = bytes_of(rig.blocks()->front().columns);

  upsert(rig, kRows, kRows + 50, "more");
  rig.seal();
  rig.merge_everything();
  auto blocks = rig.blocks();
  ASSERT_EQ(blocks->size(), 2U);
  EXPECT_EQ(blocks->front().rows, kRows);
  EXPECT_TRUE(bytes_of(blocks->front().packed_rows) == rows);
  EXPECT_TRUE(bytes_of(blocks->front().columns) == columns);
  Check(*rig.view(), rig.oracle(), Space::l2).everything(generator);

  rig.apply(batch_of(Operation::remove, {{"id7"}}));
  rig.seal();
  rig.merge_everything();
  blocks = rig.blocks();
  ASSERT_EQ(blocks->size(), 1U);
  EXPECT_EQ(blocks->front().rows, kRows + 50 - 1);
  Check(*rig.view(), rig.oracle(), Space::l2).everything(generator);
  rig.reopen();
  Check(*rig.view(), rig.oracle(), Space::l2).everything(generator);
}

TEST(PackedRows, FilesOfOlderProgramsAreReadAndWrittenAnew) {
  Generator generator(2);
  SegmentRig rig;
  ASSERT_TRUE(rig.open().ok());
  upsert(rig, 0, 300, "text");
  rig.seal();
  upsert(rig, 200, 400, "other");
  rig.apply(batch_of(Operation::remove, {{"id3"}, {"id250"}}));
  rig.seal();
  rig.make_metadata_plain();
  EXPECT_TRUE(rig.blocks()->empty());
  Check(*rig.view(), rig.oracle(), Space::l2).everything(generator);
  // An update takes what it leaves from the plain row.
  rig.apply(batch_of(Operation::update, {{"id10", {}, Metadata()}, {"id399", {}, {}, "new"}}));
  upsert(rig, 390, 450, "third");
  rig.seal();
  Check(*rig.view(), rig.oracle(), Space::l2).everything(generator);
  rig.merge_everything();
  EXPECT_FALSE(rig.blocks()->empty());
  EXPECT_TRUE(rig.metadata().compacted());
  Check(*rig.view(), rig.oracle(), Space::l2).everything(generator);
}

}  // namespace
}  // namespace viridian::conformance
