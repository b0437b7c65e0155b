#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "inverted/columns_builder.h"
#include "postings/source.h"
#include "segment/index_choice.h"
#include "segment/metadata_row.h"
#include "text/trigram_builder.h"

namespace viridian::segment {

/// What is known of the rows of a block beside themselves. Rows are counted in their part.
struct RowBlock {
  uint32_t first_row = 0;
  uint32_t rows = 0;
  uint64_t entries = 0;                              ///< of its columns
  uint64_t text_bytes = 0;                           ///< of its documents
  std::shared_ptr<const postings::Source> columns;   ///< as inverted::Columns has them
  std::shared_ptr<const postings::Source> trigrams;  ///< as text::TrigramIndex has them, or null

  // Of blocks of files, as documents::Texts has them:
  std::shared_ptr<const postings::Source> packed_rows;       ///< without documents
  std::shared_ptr<const postings::Source> packed_documents;  ///< or null: all are empty
  bool thorough = false;                                     ///< they are as small as they become

  uint32_t end() const noexcept { return first_row + rows; }
  /// All that is kept of it.
  uint64_t bytes() const noexcept;
};

/// Those of a part: they begin with row 0 and follow each other. What comes after the last one of a
/// head has no index.
using RowBlocks = std::vector<RowBlock>;
/// The one that has the row, if one has.
const RowBlock& block_of(const RowBlocks& blocks, uint32_t row);

/// Adds a row's value of a key to columns: its elements where it is an array.
void add_value(inverted::ColumnsBuilder& columns, postings::Row row, uint32_t key,
               const RowValue& value);

/// The bytes of a block's index.
struct BuiltBlock {
  std::string columns;
  std::string trigrams;  ///< empty: there are no documents, or they are not to be indexed
};

/// Builds the index of a block, row after row. For one thread.
class RowBlockBuilder {
 public:
  // Its memory is bounded by these, whatever the rows hold: about 24 bytes per entry of a column,
  // and 4 per byte of a document.
  static constexpr uint64_t kMostEntries = uint64_t{1} << 20;
  static constexpr uint64_t kMostTextBytes = uint64_t{16} << 20;

  explicit RowBlockBuilder(IndexChoice choice, bool with_documents = true);

  /// The row must live until finish().
  void add(const RowView& row);
  uint32_t rows() const noexcept { return rows_; }
  uint64_t entries() const noexcept { return columns_.entries(); }
  uint64_t text_bytes() const noexcept { return text_bytes_; }
  bool full() const noexcept;
  /// The index of what was added; the builder is empty again.
  BuiltBlock finish();

 private:
  IndexChoice choice_;
  uint32_t rows_ = 0;
  uint64_t text_bytes_ = 0;
  inverted::ColumnsBuilder columns_;
  std::unique_ptr<text::TrigramBuilder> trigrams_;  ///< null: documents are not indexed
};

}  // namespace viridian::segment
