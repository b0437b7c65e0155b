#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "documents/text_cursor.h"
#include "segment/metadata_row.h"
#include "segment/row_blocks.h"

namespace viridian::segment {

/// What is wanted of a row.
enum class RowPart : uint8_t {
  values,  ///< all but the document, which may be left apart
  whole,
};

/// Reads the rows of one part, which outlives it. What was decompressed for a row is kept for the
/// rows beside it. For one thread.
class RowReader {
 public:
  virtual ~RowReader() = default;
  /// The row, which lives until the next call.
  ///   data_loss  its file is damaged
  virtual Result<RowView> read(uint32_t row, RowPart part) = 0;
};

/// Reads rows that lie compressed in blocks.
class BlockedRowReader final : public RowReader {
 public:
  /// The blocks follow each other from row 0 on, and outlive it.
  explicit BlockedRowReader(const RowBlocks& blocks) : blocks_(blocks) {}
  Result<RowView> read(uint32_t row, RowPart part) override;

 private:
  Status enter(uint32_t row);
  Result<std::string_view> document(uint32_t row_of_block);

  const RowBlocks& blocks_;
  const RowBlock* block_ = nullptr;
  std::optional<documents::TextCursor> rows_, documents_;  ///< of the block
};

}  // namespace viridian::segment
