#include "base/assert.h"
#include "segment/metadata_part.h"

namespace viridian::segment {
namespace {

/// Rows of the first index of some, and of the one that takes their place. The writer makes them: a
/// larger one would hold it up, and whoever waits for what it applies.
constexpr uint32_t kLeastBlock = 512, kBlock = 4096;

/// Rows of a head lie as they are, as long as it lives.
class HeadRowReader final : public RowReader {
 public:
  explicit HeadRowReader(const MetadataHead& head) : head_(head) {}
  Result<RowView> read(uint32_t row, RowPart /*part*/) override { return head_.view(row); }

 private:
  const MetadataHead& head_;
};

}  // namespace

std::unique_ptr<RowReader> MetadataHead::reader() const {
  return std::make_unique<HeadRowReader>(*this);
}

void MetadataHead::push_back(Offset offset, uint64_t id_hash, const RowBuilder& builder) {
  const size_t size = builder.size();
  std::byte* bytes = arena_.allocate(size);
  builder.write(bytes);
  bytes_.at_grown(rows_.size()) = {bytes, size};
  by_id_.push_back(id_hash);
  rows_.push_back(offset);
  if (rows_.size() % kLeastBlock == 0) index_rows();
}

/// Each row is taken into an index twice; readers keep the blocks that they have.
void MetadataHead::index_rows() {
  const uint32_t rows = rows_.size();
  const uint32_t size = rows % kBlock == 0 ? kBlock : kLeastBlock;
  auto blocks = std::make_shared<RowBlocks>(*this->blocks());
  uint64_t entries = 0, text_bytes = 0;
  while (!blocks->empty() && blocks->back().first_row >= rows - size) {
    entries += blocks->back().entries;
    text_bytes += blocks->back().text_bytes;
    if (entries > RowBlockBuilder::kMostEntries || text_bytes > RowBlockBuilder::kMostTextBytes)
      break;
    block_bytes_ -= blocks->back().bytes();
    blocks->pop_back();
  }
  // Looking at all documents of a small block is quick.
  RowBlockBuilder builder(choice_, size == kBlock);
  RowBlock block;
  block.first_row = blocks->empty() ? 0 : blocks->back().end();
  for (uint32_t row = block.first_row; row < rows; ++row) builder.add(view(row));
  block.rows = builder.rows();
  block.entries = builder.entries();
  block.text_bytes = builder.text_bytes();
  BuiltBlock built = builder.finish();
  block.columns = std::make_shared<postings::MemorySource>(std::move(built.columns));
  if (!built.trigrams.empty())
    block.trigrams = std::make_shared<postings::MemorySource>(std::move(built.trigrams));
  block_bytes_ += block.bytes();
  blocks->push_back(std::move(block));
  std::lock_guard lock(blocks_mutex_);
  blocks_ = std::move(blocks);
}

std::shared_ptr<const RowBlocks> MetadataHead::blocks() const {
  std::lock_guard lock(blocks_mutex_);
  return blocks_;
}

size_t MetadataHead::bytes() const noexcept {
  return arena_.bytes() + rows_.bytes() + by_id_.bytes() + rows_.size() * sizeof(bytes_[0]) +
         block_bytes_;
}

RowView MetadataHead::view(uint32_t row) const {
  const auto view = RowView::parse(bytes_[row]);
  VIRIDIAN_ASSERT(view.has_value());
  return *view;
}

Result<std::optional<VisibleRow>> MetadataHead::find_id(const RowId& id, uint64_t hash,
                                                        uint32_t limit, SeqId at) const {
  const auto row = by_id_.find(hash, [&](uint32_t candidate) {
    return candidate < limit && rows_.end(candidate) > at && view(candidate).has_id(id);
  });
  if (!row) return std::nullopt;
  return VisibleRow{*row, rows_.offset(*row)};
}

}  // namespace viridian::segment
