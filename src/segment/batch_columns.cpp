#include "segment/batch_columns.h"

namespace viridian::segment {

BatchColumns::BatchColumns(const RecordBatch& batch, KeyDictionary& keys) : batch_(batch) {
  first_cell_.resize(batch.rows() + 1);
  for (const MetadataColumn& column : batch.metadata) {
    keys_.push_back(keys.add(column.key));
    for (const uint32_t row : column.rows) ++first_cell_[row + 1];
  }
  for (size_t row = 0; row < batch.rows(); ++row) first_cell_[row + 1] += first_cell_[row];
  cells_.resize(first_cell_.back());
  std::vector<uint64_t> next(first_cell_.begin(), first_cell_.end() - 1);
  for (uint32_t i = 0; i < batch.metadata.size(); ++i) {
    const std::vector<uint32_t>& rows = batch.metadata[i].rows;
    for (uint32_t value = 0; value < rows.size(); ++value) cells_[next[rows[value]]++] = {i, value};
  }
}

bool BatchColumns::has_values(uint32_t row) const {
  return (!batch_.documents.empty() && batch_.documents.has(row)) ||
         (!batch_.uris.empty() && batch_.uris.has(row)) || first_cell_[row] != first_cell_[row + 1];
}

void BatchColumns::put(uint32_t row, RowBuilder& builder) const {
  if (!batch_.documents.empty() && batch_.documents.has(row))
    builder.set_document(*batch_.documents[row]);
  if (!batch_.uris.empty() && batch_.uris.has(row)) builder.set_uri(*batch_.uris[row]);
  for (uint64_t i = first_cell_[row]; i < first_cell_[row + 1]; ++i)
    builder.set(keys_[cells_[i].column], batch_.metadata[cells_[i].column], cells_[i].value);
}

}  // namespace viridian::segment
