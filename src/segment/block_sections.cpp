#include "segment/block_sections.h"

namespace viridian::segment {
namespace {

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

Result<BlockSectionsWriter> BlockSectionsWriter::begin(SealedFileWriter& writer,
                                                       bool index_documents) {
  VIRIDIAN_TRY_VOID(writer.begin("blocks"));
  return BlockSectionsWriter(writer, index_documents);
}

Status BlockSectionsWriter::add(const RowView& row) {
  if (builder_.full()) VIRIDIAN_TRY_VOID(write_block());
  builder_.add(row);
  return ok_status();
}

Status BlockSectionsWriter::write_part(BlockPart part, const std::string& bytes,
                                       StoredBlock& block) {
  constexpr size_t kAlignment = 8;
  constexpr std::array<std::byte, kAlignment> kPadding{};
  const size_t padding = (kAlignment - bytes.size() % kAlignment) % kAlignment;
  VIRIDIAN_TRY_VOID(writer_->append(std::as_bytes(std::span(bytes))));
  VIRIDIAN_TRY_VOID(writer_->append(std::span(kPadding).first(padding)));
  block.parts[static_cast<size_t>(part)] = {end_, bytes.size()};
  end_ += bytes.size() + padding;
  return ok_status();
}

Status BlockSectionsWriter::write_block() {
  StoredBlock block;
  block.first_row = rows_;
  block.rows = builder_.rows();
  block.entries = builder_.entries();
  block.text_bytes = builder_.text_bytes();
  const BuiltBlock built = builder_.finish();
  VIRIDIAN_TRY_VOID(write_part(BlockPart::columns, built.columns, block));
  VIRIDIAN_TRY_VOID(write_part(BlockPart::trigrams, built.trigrams, block));
  rows_ += block.rows;
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
  bool sound = true;
  const auto part = [&](const StoredBlock& block,
                        BlockPart which) -> std::shared_ptr<const postings::Source> {
    const auto [begin, size] = block.parts[static_cast<size_t>(which)];
    sound &= begin <= parts.size && size <= parts.size - begin && begin % 8 == 0;
    if (size == 0 || !sound) return nullptr;
    return std::make_shared<SealedPart>(file, Section{parts.offset + begin, size});
  };
  for (uint64_t i = 0; i < list.size / sizeof(StoredBlock); ++i) {
    VIRIDIAN_TRY(const auto block, file->element<StoredBlock>(list, i));
    sound &= block.first_row == next_row && block.rows != 0 && block.rows <= rows - next_row;
    next_row = block.first_row + block.rows;
    RowBlock& read = blocks->emplace_back();
    read = {block.first_row,
            block.rows,
            block.entries,
            block.text_bytes,
            part(block, BlockPart::columns),
            part(block, BlockPart::trigrams)};
    if (!sound || !read.columns)
      return file->damaged(list.offset, "its blocks of rows do not follow each other");
  }
  return blocks;
}

}  // namespace viridian::segment
