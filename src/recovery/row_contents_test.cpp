#include "recovery/row_contents.h"

#include <gtest/gtest.h>

#include "conformance/records.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "os/test_files.h"
#include "segment/block_sections.h"

namespace viridian::recovery {
namespace {

using segment::SealedFile;

/// A file that has nothing but packed rows.
class RowContentsTest : public testing::Test {
 protected:
  static constexpr uint32_t kRows = 12'000;

  void SetUp() override {
    auto writer =
        segment::SealedFileWriter::create(files_, directory_.path(), "file.meta", identity_);
    ASSERT_TRUE(writer.ok());
    auto blocks = segment::BlockSectionsWriter::begin(*writer, {});
    ASSERT_TRUE(blocks.ok());
    for (uint32_t i = 0; i < kRows; ++i) {
      segment::RowBuilder builder;
      const std::string id = conformance::noise(i, 40), document = document_of(i);
      builder.start(segment::RowId(id));
      builder.set_document(document);
      std::vector<std::byte> bytes(builder.size());
      builder.write(bytes.data());
      ASSERT_TRUE(blocks->add(*segment::RowView::parse(bytes)).ok());
    }
    ASSERT_TRUE(blocks->finish().ok());
    const auto size = writer->finish();
    ASSERT_TRUE(size.ok());
    size_ = *size;
  }

  static std::string document_of(uint32_t i) {
    // Of words, so that there is a dictionary.
    return "a document with words, and number " + conformance::noise(i + kRows, 100);
  }

  /// Rows that can be read, and of how many more only the document cannot.
  std::pair<uint32_t, uint32_t> readable() {
    const auto file = ScannedFile::read(Context(), files_, path(), identity_, size_);
    EXPECT_TRUE(file.ok()) << file.error().message();
    const auto rows = RowContents::of(*file, kRows);
    std::pair<uint32_t, uint32_t> counted{0, 0};
    for (uint32_t i = 0; i < kRows; ++i) {
      const auto row = rows->row(i);
      if (!row) continue;
      EXPECT_EQ((*row)->id_bytes(), conformance::noise(i, 40));
      if (row->whole()) {
        EXPECT_EQ((*row)->document(), document_of(i));
      }
      ++(row->whole() ? counted.first : counted.second);
    }
    return counted;
  }

  std::string path() const { return os::join(directory_.path(), "file.meta"); }

  os::RealFiles files_;
  os::TemporaryDirectory directory_;
  segment::FileIdentity identity_{segment::FileKind::metadata, Uuid::random(), Uuid::random()};
  uint64_t size_ = 0;
};

TEST_F(RowContentsTest, ABadPlaceTakesNoMoreThanWhatLiesThere) {
  EXPECT_EQ(readable(), std::pair(kRows, 0U));
  const std::string sound = os::read_file(path());
  const uint64_t blocks = sound.size() / SealedFile::kBlockBytes;
  ASSERT_GT(blocks, 20U);
  uint32_t lost_anything = 0;
  for (uint64_t block = 0; block <= blocks; ++block) {
    std::string bytes = sound;
    const uint64_t begin = std::max<uint64_t>(block * SealedFile::kBlockBytes, 64);
    const uint64_t end = std::min((block + 1) * SealedFile::kBlockBytes, sound.size());
    // Not so late in the file that its end is damaged, too: that is another test's.
    if (end == sound.size()) break;
    for (uint64_t i = begin; i < end; i += 512) bytes[i] = static_cast<char>(~bytes[i]);
    os::write_file(path(), bytes);
    const auto [whole, parts] = readable();
    // A row takes 40 bytes and a document 100, at least; and those beside it in its run are lost.
    constexpr uint32_t kMostLost = SealedFile::kBlockBytes / 40 + 50;
    EXPECT_GE(whole + parts, kRows - kMostLost) << "block " << block;
    EXPECT_GE(whole, kRows - kMostLost) << "block " << block;
    lost_anything += whole != kRows;
  }
  EXPECT_GT(lost_anything, 10U);
}

}  // namespace
}  // namespace viridian::recovery
