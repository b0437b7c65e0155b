#include "recovery/row_contents.h"

#include <array>
#include <limits>
#include <vector>

#include "documents/texts.h"
#include "segment/block_sections.h"

namespace viridian::recovery {
namespace {

using segment::BlockPart;
using segment::StoredBlock;

constexpr uint64_t kUnknown = std::numeric_limits<uint64_t>::max();

uint64_t padded(uint64_t size) { return (size + 7) / 8 * 8; }

/// What a row of these first bytes takes, or 0 where that cannot be.
uint64_t row_size(os::Bytes head) {
  std::array<uint32_t, 6> fields;
  std::memcpy(fields.data(), head.data(), sizeof fields);
  return padded(sizeof fields + uint64_t{fields[1]} * 16 + fields[2] + fields[3] + fields[4] +
                fields[5]);
}
constexpr uint64_t kRowHeadBytes = 24;

/// Format versions 1 and 2: rows one after the other, and where each ends.
class PlainRowContents final : public RowContents {
 public:
  PlainRowContents(std::shared_ptr<const ScannedFile> file, const segment::Section& section,
                   uint64_t rows)
      : file_(std::move(file)), section_(section) {
    if (const auto ends = file_->section("row_ends")) ends_ = load_numbers(*file_, *ends);
    ends_.resize(rows, kUnknown);
    uint64_t begin = 0;
    for (uint64_t i = 0; i < rows; ++i) {
      if (ends_[i] == kUnknown && begin != kUnknown) {
        // A row says how long it is.
        const auto head = file_->read(section_, begin, kRowHeadBytes);
        const uint64_t size = head ? row_size(*head) : 0;
        if (size > 0 && size <= section_.size - begin) ends_[i] = begin + size;
      }
      begin = ends_[i];
    }
  }

  std::optional<StoredRow> row(uint64_t i) const override {
    const auto where = extent(i);
    if (!where) return std::nullopt;
    const auto bytes = file_->read(section_, where->offset, where->size);
    if (!bytes) return std::nullopt;
    const auto view = segment::RowView::parse(*bytes);
    if (!view || padded(view->bytes().size()) != where->size) return std::nullopt;
    return StoredRow(*view);
  }

  uint64_t place(uint64_t i) const override {
    const auto where = extent(i);
    return where ? section_.offset + where->offset : 0;
  }

  void check(const Complaint& complain) const override {
    if (!ends_.empty() && ends_.back() != section_.size)
      complain(section_.offset, "its rows do not fill their section");
  }

 private:
  std::optional<segment::Section> extent(uint64_t i) const {
    if (i >= ends_.size()) return std::nullopt;
    const uint64_t begin = i == 0 ? 0 : ends_[i - 1], end = ends_[i];
    if (begin == kUnknown || end == kUnknown || begin > end || end > section_.size)
      return std::nullopt;
    return segment::Section{begin, end - begin};
  }

  std::shared_ptr<const ScannedFile> file_;
  segment::Section section_;
  std::vector<uint64_t> ends_;  ///< kUnknown where neither readable nor told by the rows
};

/// Compressed texts of a file that may be damaged. What they begin with is there twice.
class ScannedTexts final : public postings::Source {
 public:
  ScannedTexts(std::shared_ptr<const ScannedFile> file, const segment::Section& texts,
               const segment::Section& head)
      : file_(std::move(file)), texts_(texts), head_(head) {}
  uint64_t size() const noexcept override { return texts_.size; }
  Result<std::span<const std::byte>> read(uint64_t begin, uint64_t size) const override {
    if (const auto bytes = file_->read(texts_, begin, size)) return *bytes;
    if (const auto bytes = file_->read(head_, begin, size)) return *bytes;
    return damaged(begin, "a block is damaged");
  }
  Error damaged(uint64_t at, std::string_view what) const override {
    return Error(Code::data_loss, file_->path() + " is damaged at byte " +
                                      std::to_string(texts_.offset + at) + ": " +
                                      std::string(what));
  }

 private:
  std::shared_ptr<const ScannedFile> file_;
  segment::Section texts_, head_;
};

/// From version 3 on: rows and documents compressed in blocks.
class PackedRowContents final : public RowContents {
 public:
  explicit PackedRowContents(std::shared_ptr<const ScannedFile> file) : file_(std::move(file)) {
    const auto parts = file_->section("blocks"), list = file_->section("block_index"),
               copies = file_->section("block_copies");
    if (!parts || !list) return;
    parts_ = *parts;
    if (copies) copies_ = *copies;
    for (uint64_t i = 0; i < list->size / sizeof(StoredBlock); ++i) {
      auto stored = file_->element<StoredBlock>(*list, i);
      // The list is there once more, behind the copies.
      if (!stored && copies_.size >= list->size)
        if (const auto bytes = file_->read(
                copies_, copies_.size - list->size + i * sizeof(StoredBlock), sizeof(StoredBlock)))
          stored = segment::load<StoredBlock>(*bytes, 0);
      if (stored) blocks_.push_back(open(*stored));
    }
  }

  std::optional<StoredRow> row(uint64_t i) const override {
    const Block* const block = block_of(i);
    if (block == nullptr || !block->rows) return std::nullopt;
    const auto number = static_cast<uint32_t>(i - block->stored.first_row);
    std::string bytes;
    if (!block->rows->read(number, bytes).ok()) return std::nullopt;
    std::optional<StoredRow> row = StoredRow::of(std::move(bytes));
    if (!row || row->whole()) return row;
    std::string document;
    const bool all_empty = block->stored.part(BlockPart::documents).size == 0;
    if (all_empty || (block->documents && block->documents->read(number, document).ok()))
      row->put_back(std::move(document));
    return row;
  }

  uint64_t place(uint64_t i) const override {
    const Block* const block = block_of(i);
    return block != nullptr ? section_of(block->stored, BlockPart::rows).offset : 0;
  }

  void check(const Complaint& complain) const override {
    const auto list = file_->section("block_index");
    if (list && copies_.size >= list->size)
      compare(*list, {copies_.offset + copies_.size - list->size, list->size}, complain);
    for (const Block& block : blocks_) {
      compare(block.stored, BlockPart::rows, block.stored.rows_head, complain);
      compare(block.stored, BlockPart::documents, block.stored.documents_head, complain);
    }
  }

 private:
  using TextsPointer = std::shared_ptr<const documents::Texts>;
  struct Block {
    StoredBlock stored;
    TextsPointer rows, documents;  ///< null: not readable, or not there
  };

  segment::Section section_of(const StoredBlock& stored, BlockPart which) const {
    const auto [begin, size] = stored.part(which);
    if (begin > parts_.size || size > parts_.size - begin) return {};
    return {parts_.offset + begin, size};
  }
  segment::Section copy_of(const StoredBlock::Place& head) const {
    if (head.begin > copies_.size || head.size > copies_.size - head.begin) return {};
    return {copies_.offset + head.begin, head.size};
  }
  TextsPointer open(const StoredBlock& stored, BlockPart which,
                    const StoredBlock::Place& head) const {
    const segment::Section texts = section_of(stored, which);
    if (texts.size == 0) return nullptr;
    auto opened =
        documents::Texts::open(std::make_shared<ScannedTexts>(file_, texts, copy_of(head)));
    return opened.ok() && (*opened)->size() == stored.rows ? *std::move(opened) : nullptr;
  }
  Block open(const StoredBlock& stored) const {
    return {stored, open(stored, BlockPart::rows, stored.rows_head),
            open(stored, BlockPart::documents, stored.documents_head)};
  }
  const Block* block_of(uint64_t i) const {
    for (const Block& block : blocks_)
      if (i >= block.stored.first_row && i - block.stored.first_row < block.stored.rows)
        return &block;
    return nullptr;
  }
  void compare(const StoredBlock& stored, BlockPart which, const StoredBlock::Place& head,
               const Complaint& complain) const {
    compare(section_of(stored, which), copy_of(head), complain);
  }
  /// Whether the one begins with the other.
  void compare(const segment::Section& first, const segment::Section& copy,
               const Complaint& complain) const {
    const auto one = file_->read(first, 0, copy.size), other = file_->read(copy, 0, copy.size);
    if (!one || !other) return;  // said as damage
    if (!std::ranges::equal(*one, *other))
      complain(copy.offset, "it is not a copy of what it should be one of");
  }

  std::shared_ptr<const ScannedFile> file_;
  segment::Section parts_, copies_;
  std::vector<Block> blocks_;
};

}  // namespace

std::optional<StoredRow> StoredRow::of(std::string bytes) {
  auto kept = std::make_shared<const std::string>(std::move(bytes));
  const auto view = segment::RowView::parse(std::as_bytes(std::span(*kept)));
  if (!view || view->bytes().size() != kept->size()) return std::nullopt;
  StoredRow row(*view);
  row.bytes_ = std::move(kept);
  return row;
}

void StoredRow::put_back(std::string document) {
  document_ = std::make_shared<const std::string>(std::move(document));
  view_.put_back(*document_);
}

std::unique_ptr<const RowContents> RowContents::of(std::shared_ptr<const ScannedFile> file,
                                                   uint64_t rows) {
  if (const auto section = file->section("rows"))
    return std::make_unique<const PlainRowContents>(std::move(file), *section, rows);
  return std::make_unique<const PackedRowContents>(std::move(file));
}

std::vector<uint64_t> load_numbers(const ScannedFile& file, const segment::Section& section) {
  std::vector<uint64_t> numbers(section.size / sizeof(uint64_t), kUnknown);
  if (const auto all = file.read(section, 0, numbers.size() * sizeof(uint64_t))) {
    if (!numbers.empty()) std::memcpy(numbers.data(), all->data(), all->size());
    return numbers;
  }
  for (uint64_t i = 0; i < numbers.size(); ++i)
    numbers[i] = file.element<uint64_t>(section, i).value_or(kUnknown);
  return numbers;
}

}  // namespace viridian::recovery
