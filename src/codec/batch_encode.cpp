#include <cstring>
#include <span>

#include "base/assert.h"
#include "codec/batch_codec.h"
#include "codec/batch_format.h"
#include "viridian/base/uuid.h"

namespace viridian::codec {
namespace {

class Writer {
 public:
  explicit Writer(size_t expected) { bytes_.reserve(expected); }

  template <class T>
  void number(T value) {
    raw(&value, sizeof value);
  }
  void count(size_t value) {
    VIRIDIAN_ASSERT(value <= UINT32_MAX);
    number(static_cast<uint32_t>(value));
  }
  void raw(const void* data, size_t size) {
    if (size > 0) bytes_.append(static_cast<const char*>(data), size);
  }
  template <class T>
  void numbers(const std::vector<T>& values) {
    raw(values.data(), values.size() * sizeof(T));
  }
  std::string finish() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

template <class Test>
void write_bits(Writer& out, size_t rows, Test test) {
  for (size_t row = 0; row < rows; row += 8) {
    uint8_t byte = 0;
    for (size_t bit = 0; bit < 8 && row + bit < rows; ++bit)
      byte = static_cast<uint8_t>(byte | (test(row + bit) ? 1 << bit : 0));
    out.number(byte);
  }
}

/// Canonical UUIDs take 16 bytes each, all together after the flags and the other ids.
void write_ids(Writer& out, const StringColumn& ids, const std::vector<bool>& is_uuid,
               const std::vector<Uuid>& uuids) {
  if (!uuids.empty()) write_bits(out, ids.size(), [&](size_t row) { return is_uuid[row]; });
  for (size_t row = 0; row < ids.size(); ++row)
    if (!is_uuid[row]) out.count(ids[row].size());
  for (size_t row = 0; row < ids.size(); ++row)
    if (!is_uuid[row]) out.raw(ids[row].data(), ids[row].size());
  for (const Uuid& id : uuids) out.raw(id.bytes.data(), id.bytes.size());
}

void write_strings(Writer& out, const StringColumn& column) {
  for (size_t i = 0; i < column.size(); ++i) out.count(column[i].size());
  out.raw(column.bytes().data(), column.bytes().size());
}

void write_nullable(Writer& out, const NullableStringColumn& column) {
  write_bits(out, column.size(), [&](size_t row) { return column.has(row); });
  for (size_t row = 0; row < column.size(); ++row)
    if (column.has(row)) out.count(column[row]->size());
  out.raw(column.values().bytes().data(), column.values().bytes().size());
}

struct ValueWriter {
  Writer& out;
  void operator()(std::monostate) const {}
  void operator()(const std::vector<uint8_t>& values) const { out.numbers(values); }
  void operator()(const std::vector<int64_t>& values) const { out.numbers(values); }
  void operator()(const std::vector<double>& values) const { out.numbers(values); }
  void operator()(const StringColumn& values) const { write_strings(out, values); }
  template <class T>
  void operator()(const std::vector<std::vector<T>>& rows) const {
    for (const auto& row : rows) out.count(row.size());
    for (const auto& row : rows) elements(row);
  }
  void operator()(const std::vector<std::vector<std::string>>& rows) const {
    for (const auto& row : rows) out.count(row.size());
    for (const auto& row : rows)
      for (const std::string& text : row) out.count(text.size());
    for (const auto& row : rows)
      for (const std::string& text : row) out.raw(text.data(), text.size());
  }
  void elements(const std::vector<bool>& row) const {
    for (const bool value : row) out.number(static_cast<uint8_t>(value));
  }
  template <class T>
  void elements(const std::vector<T>& row) const {
    out.numbers(row);
  }
};

void write_column(Writer& out, const MetadataColumn& column) {
  out.count(column.key.size());
  out.raw(column.key.data(), column.key.size());
  out.number(static_cast<uint8_t>(column.type));
  out.count(column.rows.size());
  out.numbers(column.rows);
  std::visit(ValueWriter{out}, column.values);
}

}  // namespace

std::string encode_batch(const RecordBatch& batch) {
  const size_t rows = batch.rows();
  VIRIDIAN_ASSERT(batch.documents.empty() || batch.documents.size() == rows);
  VIRIDIAN_ASSERT(batch.uris.empty() || batch.uris.size() == rows);
  VIRIDIAN_ASSERT(batch.embedding_rows.empty() || batch.embedding_rows.size() == rows);
  std::vector<bool> is_uuid(rows);
  std::vector<Uuid> uuids;
  for (size_t row = 0; row < rows; ++row) {
    const auto id = Uuid::parse_canonical(batch.ids[row]);
    is_uuid[row] = id.has_value();
    if (id) uuids.push_back(*id);
  }
  uint8_t parts = 0;
  if (!uuids.empty()) parts |= kHasUuidIds;
  if (!batch.embedding_rows.empty()) parts |= kHasEmbeddingRows;
  if (!batch.documents.empty()) parts |= kHasDocuments;
  if (!batch.uris.empty()) parts |= kHasUris;

  Writer out(batch.size_bytes() + 64);
  out.number(kBatchVersion);
  out.number(static_cast<uint8_t>(batch.operation));
  out.number(parts);
  out.number(uint8_t{0});
  out.count(rows);
  write_ids(out, batch.ids, is_uuid, uuids);
  out.number(batch.embeddings.rows() == 0 ? uint32_t{0} : batch.embeddings.dim);
  out.count(batch.embeddings.rows());
  out.raw(batch.embeddings.values.data(),
          batch.embeddings.rows() * batch.embeddings.dim * sizeof(float));
  out.numbers(batch.embedding_rows);
  if (!batch.documents.empty()) write_nullable(out, batch.documents);
  if (!batch.uris.empty()) write_nullable(out, batch.uris);
  out.count(batch.metadata.size());
  for (const MetadataColumn& column : batch.metadata) write_column(out, column);
  return std::move(out).finish();
}

}  // namespace viridian::codec
