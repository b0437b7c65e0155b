#include <fmt/format.h>

#include <utility>

#include "codec/json_values.h"
#include "viridian/viridian.h"

namespace viridian {

Records& Records::add(const Record& record) {
  return add(record.id, record.vector, record.document, record.metadata, record.uri);
}

Records& Records::add(std::string_view id, std::span<const float> vector,
                      std::optional<std::string_view> document, const Metadata& metadata,
                      std::optional<std::string_view> uri) {
  metadata_.set(static_cast<uint32_t>(size()), metadata);
  batch_.ids.push_back(id);
  batch_.documents.push_back(document);
  batch_.uris.push_back(uri);
  add_vector(id, vector);
  return *this;
}

void Records::add_vector(std::string_view id, std::span<const float> vector) {
  Matrix& matrix = batch_.embeddings;
  if (vector.empty()) {
    batch_.embedding_rows.push_back(RecordBatch::kNoEmbedding);
    return;
  }
  if (matrix.dim == 0) matrix.dim = static_cast<uint32_t>(vector.size());
  if (matrix.dim != vector.size() && !error_) {
    error_ = Error(Code::invalid_argument,
                   fmt::format("record \"{}\" has a vector of {} numbers, records before it have "
                               "{}: all vectors of a collection are of one length",
                               id, vector.size(), matrix.dim));
  }
  if (error_) return;
  batch_.embedding_rows.push_back(static_cast<uint32_t>(matrix.rows()));
  matrix.values.insert(matrix.values.end(), vector.begin(), vector.end());
}

Result<RecordBatch> Records::batch(Operation operation) const {
  if (error_) return *error_;
  RecordBatch batch = batch_;
  batch.operation = operation;
  if (batch.embeddings.rows() == batch.rows()) batch.embedding_rows.clear();
  if (batch.embeddings.rows() == 0) batch.embedding_rows.clear();
  const auto none = [&](const NullableStringColumn& column) {
    for (size_t row = 0; row < column.size(); ++row) {
      if (column.has(row)) return false;
    }
    return true;
  };
  if (none(batch.documents)) batch.documents = {};
  if (none(batch.uris)) batch.uris = {};
  MetadataColumnsBuilder metadata = metadata_;
  batch.metadata = metadata.finish();
  return batch;
}

Result<Where> Condition::where() const {
  if (const auto* text = std::get_if<std::string>(&value_)) return codec::read_where(*text);
  return std::get<Where>(value_);
}

Result<Where> Condition::where_document() const {
  if (const auto* text = std::get_if<std::string>(&value_)) {
    return codec::read_where_document(*text);
  }
  return std::get<Where>(value_);
}

Row Rows::operator[](size_t i) const {
  Row row;
  row.id = columns_.ids[i];
  if (columns_.embeddings.rows() > i) {
    row.vector = {columns_.embeddings.row(i), columns_.embeddings.dim};
  }
  if (!columns_.documents.empty()) row.document = columns_.documents[i];
  if (!columns_.uris.empty()) row.uri = columns_.uris[i];
  if (!columns_.metadatas.empty() && columns_.metadatas[i]) row.metadata = &*columns_.metadatas[i];
  if (!distances_.empty()) row.distance = distances_[i];
  return row;
}

}  // namespace viridian
