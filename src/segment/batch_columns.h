#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "segment/key_dictionary.h"
#include "segment/metadata_row.h"
#include "viridian/model/record_batch.h"

namespace viridian::segment {

/// A batch's documents, uris and metadata by row: the metadata columns turned round once, so that
/// a row costs what it holds, however many keys the batch has.
class BatchColumns {
 public:
  /// The format's limit: a row's parts are counted in 32 bits.
  static constexpr uint64_t kMaxRowBytes = std::numeric_limits<uint32_t>::max();

  /// Adds the batch's keys to `keys`. The batch must outlive this.
  BatchColumns(const RecordBatch& batch, KeyDictionary& keys);

  const RecordBatch& batch() const noexcept { return batch_; }
  /// Whether the row has a document, a uri, or metadata (removals included).
  bool has_values(uint32_t row) const;
  void put(uint32_t row, RowBuilder& builder) const;

 private:
  struct Cell {
    uint32_t column;
    uint32_t value;
  };
  const RecordBatch& batch_;
  std::vector<uint32_t> keys_;        ///< by metadata column
  std::vector<uint64_t> first_cell_;  ///< by row, with one more at the end
  std::vector<Cell> cells_;
};

}  // namespace viridian::segment
