#include "segment/block_sections.h"

namespace viridian::segment {
namespace {

constexpr auto kColumns = static_cast<size_t>(BlockPart::columns);

/// A part of a block in its file.
class SealedPart final : public postings::Source {
 public:
  SealedPart(std::shared_ptr<const SealedFile> file, const Section& section)
      : file_(std::move(file)), section_(section) {}
  uint64_t size() const noexcept override { return section_.size; }
  Result<std::span<const std::byte>> read(uint64_t begin, uint64_t size) const override {
    return file_->read_scattered(section_, begin, size);
  }
  Error damaged(uint64_t at, std::string_view what) const override {
    return file_->damaged(section_.offset + at, what);
  }

 private:
  std::shared_ptr<const SealedFile> file_;
  Section section_;
};

}  // namespace

Result<BlockSectionsWriter> BlockSectionsWriter::begin(SealedFileWriter& writer) {
  VIRIDIAN_TRY_VOID(writer.begin("blocks"));
  return BlockSectionsWriter(writer);
}

Status BlockSectionsWriter::add(const RowView& row) {
  if (builder_.full()) VIRIDIAN_TRY_VOID(write_block());
  builder_.add(row);
  return ok_status();
}

Status BlockSectionsWriter::write_block() {
  StoredBlock block{.first_row = rows_, .rows = builder_.rows(), .entries = builder_.entries()};
  const std::string columns = builder_.finish();
  block.parts[kColumns] = {end_, columns.size()};
  VIRIDIAN_TRY_VOID(writer_->append(std::as_bytes(std::span(columns))));
  rows_ += block.rows;
  end_ += columns.size();
  list_.push_back(block);
  return ok_status();
}

Status BlockSectionsWriter::finish() {
  if (builder_.rows() != 0) VIRIDIAN_TRY_VOID(write_block());
  return writer_->append_section("block_list", list_);
}

Result<std::shared_ptr<const RowBlocks>> read_blocks(std::shared_ptr<const SealedFile> file,
                                                     uint32_t rows) {
  auto blocks = std::make_shared<RowBlocks>();
  if (!file->has_section("block_list")) return blocks;
  VIRIDIAN_TRY(const Section list, file->section("block_list"));
  VIRIDIAN_TRY(const Section parts, file->section("blocks"));
  uint32_t next_row = 0;
  for (uint64_t i = 0; i < list.size / sizeof(StoredBlock); ++i) {
    VIRIDIAN_TRY(const auto block, file->element<StoredBlock>(list, i));
    const auto [begin, size] = block.parts[kColumns];
    if (block.first_row != next_row || block.rows > rows - next_row || block.rows == 0 ||
        begin > parts.size || size > parts.size - begin || begin % 8 != 0)
      return file->damaged(list.offset, "its blocks of rows do not follow each other");
    next_row = block.first_row + block.rows;
    blocks->push_back({block.first_row, block.rows, block.entries,
                       std::make_shared<SealedPart>(file, Section{parts.offset + begin, size})});
  }
  return blocks;
}

}  // namespace viridian::segment
