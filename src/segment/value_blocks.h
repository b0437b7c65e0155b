#pragma once
#include <memory>
#include <span>
#include <vector>

#include "inverted/columns.h"
#include "inverted/columns_builder.h"
#include "segment/arena.h"
#include "segment/metadata_reader.h"

namespace viridian::segment {

/// The columns of a block of rows, and which records its rows are for a reader who may see some of
/// them. For one thread.
class ValueBlock {
 public:
  /// An indexed block of a part. What it is given outlives it; `allowed`: null for all.
  static Result<ValueBlock> of(const PinnedMetadata& pinned, const RowBlock& block, SeqId at,
                               const OffsetSet* allowed);
  /// Rows that were read: row i is that of the record offsets[i], and may be seen.
  ValueBlock(inverted::Columns columns, std::vector<Offset> offsets);

  const inverted::Columns& columns() const noexcept { return columns_; }
  /// Appends the records of those of the rows that the reader may see. For a few rows.
  Status append_records(const postings::RowSet& rows, std::vector<Offset>& out) const;
  /// Adds them. For many rows.
  Status add_records(postings::RowSet rows, OffsetSet& out) const;
  /// Finds out for all rows which of them the reader may see: count() needs that.
  Status look();
  /// How many of the rows the reader may see.
  uint32_t count(const postings::RowSet& rows) const;

 private:
  ValueBlock(inverted::Columns columns, const PinnedMetadata& pinned, uint32_t first_row, SeqId at,
             const OffsetSet* allowed);
  bool is_allowed(Offset offset) const { return allowed_ == nullptr || allowed_->contains(offset); }

  inverted::Columns columns_;
  std::vector<Offset> offsets_;             ///< of rows that were read
  const PinnedMetadata* pinned_ = nullptr;  ///< null: rows were read
  uint32_t first_row_ = 0;
  SeqId at_ = 0;
  const OffsetSet* allowed_ = nullptr;
  std::unique_ptr<postings::RowBits> seen_;
};

/// Makes blocks of rows that no index holds, or that are few.
class ValueBlockBuilder {
 public:
  explicit ValueBlockBuilder(std::span<const uint32_t> keys) : keys_(keys) {}

  Status add(Offset offset, const RowView& row);
  /// All blocks of what was added.
  Result<std::vector<ValueBlock>> finish() &&;

 private:
  std::string_view kept(std::string_view bytes);
  Status finish_block();

  std::span<const uint32_t> keys_;
  inverted::ColumnsBuilder columns_;
  Arena values_;  ///< what the columns refer to
  std::vector<Offset> offsets_;
  std::vector<ValueBlock> blocks_;
};

}  // namespace viridian::segment
