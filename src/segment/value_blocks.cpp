#include "segment/value_blocks.h"

#include <algorithm>

namespace viridian::segment {

using inverted::Columns;
using postings::Row;
using postings::RowBits;
using postings::RowSet;

namespace {

/// Bytes of values that are kept for a block, beyond which it takes no more rows.
constexpr size_t kMostValueBytes = size_t{16} << 20;

}  // namespace

ValueBlock::ValueBlock(Columns columns, std::vector<Offset> offsets)
    : columns_(std::move(columns)), offsets_(std::move(offsets)) {}

ValueBlock::ValueBlock(Columns columns, const PinnedMetadata& pinned, uint32_t first_row, SeqId at,
                       const OffsetSet* allowed)
    : columns_(std::move(columns)),
      pinned_(&pinned),
      first_row_(first_row),
      at_(at),
      allowed_(allowed) {}

Result<ValueBlock> ValueBlock::of(const PinnedMetadata& pinned, const RowBlock& block, SeqId at,
                                  const OffsetSet* allowed) {
  VIRIDIAN_TRY(Columns columns, Columns::open(block.columns));
  if (columns.rows() != block.rows)
    return block.columns->damaged(0, "its index is of another number of rows");
  return ValueBlock(std::move(columns), pinned, block.first_row, at, allowed);
}

Status ValueBlock::append_records(const RowSet& rows, std::vector<Offset>& out) const {
  if (pinned_ == nullptr) {
    rows.for_each([&](Row row) { out.push_back(offsets_[row]); });
    return ok_status();
  }
  std::vector<VisibleRow> visible;
  Status outcome;
  rows.for_each([&](Row i) {
    const uint32_t row = first_row_ + i;
    if (row >= pinned_->limit || !outcome.ok()) return;
    outcome = pinned_->part->rows().visible(row, row + 1, at_, visible);
  });
  for (const VisibleRow& row : visible)
    if (is_allowed(row.offset)) out.push_back(row.offset);
  return outcome;
}

Status ValueBlock::add_records(RowSet rows, OffsetSet& out) const {
  if (pinned_ == nullptr) {
    rows.for_each([&](Row row) { out.insert(offsets_[row]); });
    return ok_status();
  }
  OffsetSet visible;
  VIRIDIAN_TRY_VOID(
      pinned_->part->rows().add_visible(first_row_, std::move(rows), pinned_->limit, at_, visible));
  if (allowed_ != nullptr) visible.intersect(*allowed_);
  out.unite(visible);
  return ok_status();
}

Status ValueBlock::look() {
  if (pinned_ == nullptr || seen_) return ok_status();
  seen_ = std::make_unique<RowBits>();
  std::vector<VisibleRow> visible;
  const uint32_t end = std::min(first_row_ + columns_.rows(), pinned_->limit);
  VIRIDIAN_TRY_VOID(pinned_->part->rows().visible(first_row_, end, at_, visible));
  for (const VisibleRow& row : visible) {
    const uint32_t i = row.row - first_row_;
    if (is_allowed(row.offset)) (*seen_)[i / 64] |= uint64_t{1} << (i % 64);
  }
  return ok_status();
}

uint32_t ValueBlock::count(const RowSet& rows) const {
  if (!seen_) return rows.size();
  uint32_t found = 0;
  rows.for_each(
      [&](Row row) { found += static_cast<uint32_t>((*seen_)[row / 64] >> (row % 64)) & 1; });
  return found;
}

Status ValueBlockBuilder::add(Offset offset, const RowView& row) {
  const auto number = static_cast<Row>(offsets_.size());
  for (const uint32_t key : keys_)
    if (std::optional<RowValue> value = row.find(key)) {
      if (value->type == MetadataType::string)
        value->bytes = value->bytes.substr(0, inverted::kTextPrefix);
      if (!value->bytes.empty()) value->bytes = kept(value->bytes);
      add_value(columns_, number, key, *value);
    }
  offsets_.push_back(offset);
  const bool full = offsets_.size() == postings::kBlockRows ||
                    columns_.entries() >= RowBlockBuilder::kMostEntries ||
                    values_.bytes() >= kMostValueBytes;
  return full ? finish_block() : ok_status();
}

std::string_view ValueBlockBuilder::kept(std::string_view bytes) {
  auto* const copy = reinterpret_cast<char*>(values_.allocate(bytes.size()));
  bytes.copy(copy, bytes.size());
  return {copy, bytes.size()};
}

Status ValueBlockBuilder::finish_block() {
  const auto rows = static_cast<uint32_t>(offsets_.size());
  auto source = std::make_shared<postings::MemorySource>(columns_.finish(rows));
  VIRIDIAN_TRY(Columns columns, Columns::open(std::move(source)));
  blocks_.emplace_back(std::move(columns), std::move(offsets_));
  offsets_.clear();
  values_ = Arena();
  return ok_status();
}

Result<std::vector<ValueBlock>> ValueBlockBuilder::finish() && {
  if (!offsets_.empty()) VIRIDIAN_TRY_VOID(finish_block());
  return std::move(blocks_);
}

}  // namespace viridian::segment
