#include <gtest/gtest.h>

#include "os/test_files.h"
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

// Directory and dictionary are there twice: only what lies beside them is lost.
TEST(PackedRows, ADamagedBeginningOfTextsIsReadFromItsCopy) {
  SegmentRig rig;
  ASSERT_TRUE(rig.open().ok());
  std::vector<Row> rows;
  for (int i = 0; i < 6'000; ++i) {
    rows.push_back(record(i, "text"));
    rows.back().document = "a text with words and noise: " + noise(static_cast<uint64_t>(i), 100);
  }
  rig.apply(batch_of(Operation::add, rows));
  rig.seal();
  const std::string head = bytes_of(rig.blocks()->front().packed_documents).substr(0, 200);
  const std::string path = rig.directory() + "/" + rig.metadata().files()[0].name;
  std::string bytes = os::read_file(path);
  const size_t place = bytes.find(head);
  ASSERT_LT(place + 2 * segment::SealedFile::kBlockBytes, bytes.rfind(head));
  for (size_t i = 0; i < 150; ++i)
    bytes[place + 40 + i] = static_cast<char>(~bytes[place + 40 + i]);
  os::write_file(path, bytes);
  rig.reopen();
  const auto view = rig.view();
  uint64_t readable = 0;
  for (Offset offset = 0; offset < rows.size(); ++offset) {
    RecordColumns columns;
    const Status fetched =
        view->metadata().fetch(Context(), std::span(&offset, 1), {true, true, true}, columns);
    if (!fetched.ok()) continue;
    ++readable;
    EXPECT_EQ(columns.documents[0], rows[offset].document);
  }
  // Documents take 100 bytes at least, and rows, of which some may lie there too, 30.
  EXPECT_GE(readable, rows.size() - segment::SealedFile::kBlockBytes / 30);
  EXPECT_LT(readable, rows.size());
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

void change_byte(std::string& bytes, size_t begin, size_t size, Generator& generator) {
  const size_t at = begin + static_cast<size_t>(generator.below(static_cast<int>(size)));
  bytes[at] = static_cast<char>(generator.below(256));
}

/// Writes a metadata file anew, with some bytes of its blocks changed and all checksums right.
void change_blocks(SegmentRig& rig, Generator& generator) {
  const SegmentFile& named = rig.metadata().files().front();
  const segment::FileIdentity identity{segment::FileKind::metadata, named.id, rig.collection()};
  const auto sealed = segment::SealedFile::open(rig.files(), os::join(rig.directory(), named.name),
                                                identity, named.size_bytes);
  ASSERT_TRUE(sealed.ok()) << sealed.error().message();
  auto writer =
      segment::SealedFileWriter::create(rig.files(), rig.directory(), named.name, identity);
  ASSERT_TRUE(writer.ok());
  segment::StoredBlock block;
  for (const char* name :
       {"info", "offsets", "ended", "keys", "id_index", "block_index", "blocks", "block_copies"}) {
    const auto section = (*sealed)->section(name);
    ASSERT_TRUE(section.ok());
    const auto read = (*sealed)->read(*section, 0, section->size);
    ASSERT_TRUE(read.ok());
    std::string bytes(os::as_text(*read));
    if (name == std::string("block_index") && !bytes.empty()) {
      std::memcpy(&block, bytes.data(), sizeof block);
      if (generator.below(3) == 0) change_byte(bytes, 0, bytes.size(), generator);
    }
    if (name == std::string("blocks")) {
      for (int n = generator.below(4); n > 0; --n) {
        const auto& part = block.parts[static_cast<size_t>(generator.below(4))];
        // Headers and directories are where the most depends on a byte.
        const uint64_t most = generator.below(2) == 0 ? 40 : part.size;
        if (part.size != 0) change_byte(bytes, part.begin, std::min(part.size, most), generator);
      }
    }
    ASSERT_TRUE(writer->begin(name).ok());
    ASSERT_TRUE(writer->append(os::as_bytes(bytes)).ok());
  }
  ASSERT_TRUE(writer->finish().ok());
}

/// Whatever comes of it.
void read_everything(SegmentRig& rig, Generator& generator) {
  const Context context;
  const auto view = rig.view();
  const MetadataReader& reader = view->metadata();
  const auto all = reader.all(context);
  if (!all.ok()) return;
  all->for_each([&](Offset offset) {
    RecordColumns columns;
    (void)reader.fetch(context, std::span(&offset, 1), {true, true, true}, columns);
    return true;
  });
  for (int i = 0; i < 20; ++i) {
    const Where where = generator.where(2);
    (void)reader.filter(context, where);
    (void)reader.candidates(context, where);
  }
  const std::vector<std::string> keys = {"ka", "kb", "kc"};
  const std::vector<SortKey> order = {{"ka", false}, {"kb", true}};
  (void)reader.order(context, {.keys = order, .limit = 100});
  (void)reader.facets(context, keys, nullptr, 5);
  (void)reader.extents(context, keys, nullptr);
  (void)reader.find(context, ids_of({"id1", "id2", generator.id()}));
}

// A file may be wrong although its checksums are right: somebody else wrote it.
TEST(PackedRows, WhateverBlocksHoldIsAnAnswerOrDamage) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Generator generator(seed, 300);
    SegmentRig rig;
    rig.use(generator.switches());
    for (int i = 0; i < 6; ++i) {
      std::vector<Row> rows;
      for (int n = 0; n < 60; ++n) rows.push_back(generator.row(Operation::upsert));
      // A block of much text is kept as it is.
      if (i == 0 && seed % 3 == 0) rows.front().document = std::string(size_t{5} << 20, 'x');
      rig.apply(batch_of(Operation::upsert, rows));
    }
    rig.seal();
    if (seed % 2 == 0) rig.merge_everything();
    change_blocks(rig, generator);
    if (!rig.open().ok()) continue;
    read_everything(rig, generator);
    if (!rig.open().ok()) continue;
    rig.metadata().begin_merge({0, 1});
    Unthrottled throttle;
    (void)rig.metadata().write_merged(Context(), throttle);
  }
}

}  // namespace
}  // namespace viridian::conformance
