#include "segment/block_sections.h"

#include <cstring>

#include "documents/texts.h"

namespace viridian::segment {
namespace {

/// A part of a block in its file. What it begins with may be there once more.
class SealedPart final : public postings::Source {
 public:
  SealedPart(std::shared_ptr<const SealedFile> file, const Section& section, const Section& copy)
      : file_(std::move(file)), section_(section), copy_(copy) {}
  uint64_t size() const noexcept override { return section_.size; }
  Result<std::span<const std::byte>> read(uint64_t begin, uint64_t size) const override {
    auto bytes = file_->read_scattered(section_, begin, size);
    if (bytes.ok() || begin > copy_.size || size > copy_.size - begin) return bytes;
    // Damaged: the copy is as good, and `check` tells of it.
    auto copied = file_->read_scattered(copy_, begin, size);
    return copied.ok() ? std::move(copied) : std::move(bytes);
  }
  Error damaged(uint64_t at, std::string_view what) const override {
    return file_->damaged(section_.offset + at, what);
  }

 private:
  std::shared_ptr<const SealedFile> file_;
  Section section_, copy_;
};

/// Bytes of a block's rows without their documents, beyond which it takes no more.
constexpr uint64_t kMostRowBytes = uint64_t{16} << 20;

/// All bytes of a part; none, where there is no such part.
Result<os::Bytes> all(const std::shared_ptr<const postings::Source>& source) {
  if (!source) return os::Bytes();
  return source->read(0, source->size());
}

/// The same of texts, which say that they are so many.
Result<os::Bytes> texts_of(const std::shared_ptr<const postings::Source>& source, uint32_t rows) {
  if (!source) return os::Bytes();
  VIRIDIAN_TRY(const auto texts, documents::Texts::open(source));
  if (texts->size() != rows) return source->damaged(0, "it is of another number of rows");
  return all(source);
}

}  // namespace

bool BlockSectionsWriter::Gathered::full() const noexcept {
  return index.full() || arena.bytes() >= kMostRowBytes;
}

Result<BlockSectionsWriter> BlockSectionsWriter::begin(SealedFileWriter& writer,
                                                       const BlockOptions& options) {
  VIRIDIAN_TRY_VOID(writer.begin("blocks"));
  return BlockSectionsWriter(writer, options);
}

Status BlockSectionsWriter::add(const RowView& row) {
  if (gathered_ && gathered_->full()) VIRIDIAN_TRY_VOID(write_gathered());
  if (!gathered_) gathered_ = std::make_unique<Gathered>(options_);
  row_.clear();
  row.append_without_document(row_);
  std::byte* const copy = gathered_->arena.allocate(row_.size());
  std::memcpy(copy, row_.data(), row_.size());
  std::optional<RowView> kept = RowView::parse({copy, row_.size()});
  if (!kept) return Error(Code::internal, "a row without its document is none");
  const std::string_view document = row.document().value_or(std::string_view());
  if (row.has_document()) kept->put_back(document);
  gathered_->index.add(*kept);
  gathered_->rows.add(row_);
  gathered_->documents.add(document);
  return ok_status();
}

Status BlockSectionsWriter::write_part(BlockPart part, os::Bytes bytes, StoredBlock& block) {
  constexpr size_t kAlignment = 8;
  constexpr std::array<std::byte, kAlignment> kPadding{};
  const size_t padding = (kAlignment - bytes.size() % kAlignment) % kAlignment;
  VIRIDIAN_TRY_VOID(writer_->append(bytes));
  VIRIDIAN_TRY_VOID(writer_->append(std::span(kPadding).first(padding)));
  block.parts[static_cast<size_t>(part)] = {end_, bytes.size()};
  end_ += bytes.size() + padding;
  return ok_status();
}

/// One damaged place at the beginning would take all of the texts with it, so there is a copy.
Status BlockSectionsWriter::write_texts(BlockPart part, os::Bytes bytes, StoredBlock& block,
                                        StoredBlock::Place& head) {
  if (bytes.empty()) return ok_status();
  head = {copies_.size(), documents::Texts::head_bytes(bytes)};
  copies_ += os::as_text(bytes.first(head.size));
  return write_part(part, bytes, block);
}

void BlockSectionsWriter::end_block(StoredBlock& block) {
  block.first_row = rows_;
  rows_ += block.rows;
  list_.push_back(block);
}

Status BlockSectionsWriter::write_gathered() {
  const std::unique_ptr<Gathered> gathered = std::move(gathered_);
  StoredBlock block;
  block.rows = gathered->index.rows();
  block.entries = gathered->index.entries();
  block.text_bytes = gathered->index.text_bytes();
  if (options_.effort == documents::Effort::thorough) block.flags = StoredBlock::kThorough;
  const BuiltBlock built = gathered->index.finish();
  const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text)); };
  VIRIDIAN_TRY_VOID(write_part(BlockPart::columns, bytes(built.columns), block));
  if (!built.trigrams.empty())
    VIRIDIAN_TRY_VOID(write_part(BlockPart::trigrams, bytes(built.trigrams), block));
  VIRIDIAN_TRY(const std::string rows, gathered->rows.finish());
  VIRIDIAN_TRY_VOID(write_texts(BlockPart::rows, bytes(rows), block, block.rows_head));
  if (block.text_bytes != 0) {
    VIRIDIAN_TRY(const std::string texts, gathered->documents.finish());
    VIRIDIAN_TRY_VOID(write_texts(BlockPart::documents, bytes(texts), block, block.documents_head));
  }
  end_block(block);
  return ok_status();
}

Status BlockSectionsWriter::add(const RowBlock& other) {
  if (gathered_) VIRIDIAN_TRY_VOID(write_gathered());
  StoredBlock block;
  block.rows = other.rows;
  block.entries = other.entries;
  block.text_bytes = other.text_bytes;
  if (other.thorough) block.flags = StoredBlock::kThorough;
  VIRIDIAN_TRY(const os::Bytes columns, all(other.columns));
  VIRIDIAN_TRY_VOID(write_part(BlockPart::columns, columns, block));
  VIRIDIAN_TRY(const os::Bytes trigrams, all(other.trigrams));
  if (!trigrams.empty()) VIRIDIAN_TRY_VOID(write_part(BlockPart::trigrams, trigrams, block));
  VIRIDIAN_TRY(const os::Bytes rows, texts_of(other.packed_rows, other.rows));
  VIRIDIAN_TRY_VOID(write_texts(BlockPart::rows, rows, block, block.rows_head));
  VIRIDIAN_TRY(const os::Bytes texts, texts_of(other.packed_documents, other.rows));
  VIRIDIAN_TRY_VOID(write_texts(BlockPart::documents, texts, block, block.documents_head));
  end_block(block);
  return ok_status();
}

Status BlockSectionsWriter::finish() {
  if (gathered_) VIRIDIAN_TRY_VOID(write_gathered());
  VIRIDIAN_TRY_VOID(writer_->append_section("block_index", list_));
  copies_.append(reinterpret_cast<const char*>(list_.data()), list_.size() * sizeof(StoredBlock));
  return writer_->append_section("block_copies", copies_);
}

Result<std::shared_ptr<const RowBlocks>> read_blocks(std::shared_ptr<const SealedFile> file,
                                                     uint32_t rows) {
  VIRIDIAN_TRY(const Section list, file->section("block_index"));
  VIRIDIAN_TRY(const Section parts, file->section("blocks"));
  VIRIDIAN_TRY(const Section copies, file->section("block_copies"));
  auto blocks = std::make_shared<RowBlocks>();
  uint32_t next_row = 0;
  bool sound = true;
  const auto part =
      [&](const StoredBlock& block, BlockPart which,
          const StoredBlock::Place& copy = {}) -> std::shared_ptr<const postings::Source> {
    const auto [begin, size] = block.part(which);
    sound &= begin <= parts.size && size <= parts.size - begin && begin % 8 == 0;
    sound &= copy.begin <= copies.size && copy.size <= copies.size - copy.begin;
    if (size == 0 || !sound) return nullptr;
    return std::make_shared<SealedPart>(file, Section{parts.offset + begin, size},
                                        Section{copies.offset + copy.begin, copy.size});
  };
  for (uint64_t i = 0; i < list.size / sizeof(StoredBlock) && sound; ++i) {
    VIRIDIAN_TRY(const auto block, file->element<StoredBlock>(list, i));
    sound &= block.first_row == next_row && block.rows != 0 && block.rows <= rows - next_row;
    next_row = block.first_row + block.rows;
    RowBlock& read = blocks->emplace_back();
    read.first_row = block.first_row;
    read.rows = block.rows;
    read.entries = block.entries;
    read.text_bytes = block.text_bytes;
    read.columns = part(block, BlockPart::columns);
    read.trigrams = part(block, BlockPart::trigrams);
    read.packed_rows = part(block, BlockPart::rows, block.rows_head);
    read.packed_documents = part(block, BlockPart::documents, block.documents_head);
    read.thorough = (block.flags & StoredBlock::kThorough) != 0;
    sound &= read.columns && read.packed_rows;
  }
  if (!sound || next_row != rows)
    return file->damaged(list.offset, "its blocks of rows do not follow each other");
  return blocks;
}

}  // namespace viridian::segment
