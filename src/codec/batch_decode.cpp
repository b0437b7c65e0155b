#include <fmt/core.h>

#include <cstring>
#include <tuple>

#include "codec/batch_codec.h"
#include "codec/batch_format.h"
#include "viridian/base/uuid.h"

namespace viridian::codec {
namespace {

Error wrong(std::string_view what) {
  return Error(Code::data_loss, fmt::format("these are not the bytes of a batch: {}", what));
}

/// Takes values off the front of the bytes. Whatever is to be allocated is at most a small multiple
/// of bytes that are there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool at_end() const noexcept { return rest_.empty(); }

  Result<std::string_view> raw(uint64_t size) {
    if (size > rest_.size()) return wrong(fmt::format("{} bytes are missing", size - rest_.size()));
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  template <class T>
  Result<T> number() {
    VIRIDIAN_TRY(const std::string_view taken, raw(sizeof(T)));
    T value;
    std::memcpy(&value, taken.data(), sizeof value);
    return value;
  }

  /// count may be any 64-bit product of two 32-bit numbers.
  template <class T, class Allocator>
  Status numbers(uint64_t count, std::vector<T, Allocator>& out) {
    if (count > rest_.size() / sizeof(T)) return wrong("a column is longer than the bytes");
    VIRIDIAN_TRY(const std::string_view taken, raw(count * sizeof(T)));
    out.resize(count);
    if (count > 0) std::memcpy(out.data(), taken.data(), taken.size());
    return ok_status();
  }

  Result<std::vector<uint32_t>> lengths(uint64_t count) {
    std::vector<uint32_t> values;
    VIRIDIAN_TRY_VOID(numbers(count, values));
    return values;
  }

  Result<std::vector<bool>> bits(uint32_t rows) {
    VIRIDIAN_TRY(const std::string_view taken, raw((uint64_t{rows} + 7) / 8));
    std::vector<bool> values(rows);
    for (size_t row = 0; row < rows; ++row)
      values[row] = (static_cast<uint8_t>(taken[row / 8]) >> (row % 8) & 1) != 0;
    if (rows % 8 != 0 && static_cast<uint8_t>(taken.back()) >> (rows % 8) != 0)
      return wrong("bits are set beyond the last row");
    return values;
  }

 private:
  std::string_view rest_;
};

uint64_t sum(const std::vector<uint32_t>& lengths) {
  uint64_t total = 0;
  for (const uint32_t length : lengths) total += length;
  return total;
}

Status read_ids(Reader& in, uint32_t rows, bool has_uuids, StringColumn& ids) {
  std::vector<bool> is_uuid;
  size_t uuids = 0;
  if (has_uuids) {
    VIRIDIAN_TRY(is_uuid, in.bits(rows));
    for (const bool flag : is_uuid) uuids += flag ? 1 : 0;
    if (uuids == 0) return wrong("no id is a UUID, but their part is there");
  }
  VIRIDIAN_TRY(const std::vector<uint32_t> lengths, in.lengths(rows - uuids));
  VIRIDIAN_TRY(std::string_view texts, in.raw(sum(lengths)));
  VIRIDIAN_TRY(std::string_view numbers, in.raw(uint64_t{uuids} * sizeof(Uuid)));
  ids.reserve(rows, texts.size() + uuids * 36);
  size_t next = 0;
  for (uint32_t row = 0; row < rows; ++row) {
    if (has_uuids && is_uuid[row]) {
      Uuid id;
      std::memcpy(id.bytes.data(), numbers.data(), sizeof id);
      numbers.remove_prefix(sizeof id);
      ids.push_back(id.to_string());
    } else {
      ids.push_back(texts.substr(0, lengths[next]));
      texts.remove_prefix(lengths[next++]);
    }
  }
  return ok_status();
}

Status read_embeddings(Reader& in, uint32_t rows, bool has_rows, RecordBatch& batch) {
  VIRIDIAN_TRY(batch.embeddings.dim, in.number<uint32_t>());
  VIRIDIAN_TRY(const auto vectors, in.number<uint32_t>());
  if ((vectors == 0) != (batch.embeddings.dim == 0)) return wrong("vectors of no dimension");
  if (vectors > rows) return wrong("more vectors than records");
  VIRIDIAN_TRY_VOID(in.numbers(uint64_t{vectors} * batch.embeddings.dim, batch.embeddings.values));
  if (!has_rows) {
    if (vectors != 0 && vectors != rows) return wrong("not one vector per record");
    return ok_status();
  }
  VIRIDIAN_TRY_VOID(in.numbers(rows, batch.embedding_rows));
  for (const uint32_t at : batch.embedding_rows)
    if (at != RecordBatch::kNoEmbedding && at >= vectors)
      return wrong("a record's vector is absent");
  return ok_status();
}

Status read_nullable(Reader& in, uint32_t rows, NullableStringColumn& column) {
  VIRIDIAN_TRY(const std::vector<bool> present, in.bits(rows));
  uint64_t held = 0;
  for (const bool flag : present) held += flag ? 1 : 0;
  VIRIDIAN_TRY(const std::vector<uint32_t> lengths, in.lengths(held));
  VIRIDIAN_TRY(std::string_view texts, in.raw(sum(lengths)));
  column.reserve(rows, texts.size());
  size_t next = 0;
  for (uint32_t row = 0; row < rows; ++row) {
    if (!present[row]) {
      column.push_back(std::nullopt);
      continue;
    }
    column.push_back(texts.substr(0, lengths[next]));
    texts.remove_prefix(lengths[next++]);
  }
  return ok_status();
}

Status read_flags(Reader& in, uint64_t count, std::vector<uint8_t>& flags) {
  VIRIDIAN_TRY_VOID(in.numbers(count, flags));
  for (const uint8_t flag : flags)
    if (flag > 1) return wrong("a boolean is neither false nor true");
  return ok_status();
}

Status read_strings(Reader& in, uint32_t count, StringColumn& column) {
  VIRIDIAN_TRY(const std::vector<uint32_t> lengths, in.lengths(count));
  VIRIDIAN_TRY(std::string_view texts, in.raw(sum(lengths)));
  column.reserve(count, texts.size());
  for (const uint32_t length : lengths) {
    column.push_back(texts.substr(0, length));
    texts.remove_prefix(length);
  }
  return ok_status();
}

template <class T>
Status read_arrays(Reader& in, uint32_t count, std::vector<std::vector<T>>& rows) {
  VIRIDIAN_TRY(const std::vector<uint32_t> lengths, in.lengths(count));
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) VIRIDIAN_TRY_VOID(in.numbers(lengths[i], rows[i]));
  return ok_status();
}

Status read_bool_arrays(Reader& in, uint32_t count, std::vector<std::vector<bool>>& rows) {
  VIRIDIAN_TRY(const std::vector<uint32_t> lengths, in.lengths(count));
  std::vector<uint8_t> flags;
  VIRIDIAN_TRY_VOID(read_flags(in, sum(lengths), flags));
  auto next = flags.begin();
  for (const uint32_t length : lengths) {
    rows.emplace_back(next, next + length);
    next += length;
  }
  return ok_status();
}

Status read_string_arrays(Reader& in, uint32_t count, std::vector<std::vector<std::string>>& rows) {
  VIRIDIAN_TRY(const std::vector<uint32_t> counts, in.lengths(count));
  VIRIDIAN_TRY(const std::vector<uint32_t> lengths, in.lengths(sum(counts)));
  VIRIDIAN_TRY(std::string_view texts, in.raw(sum(lengths)));
  size_t next = 0;
  for (const uint32_t elements : counts) {
    std::vector<std::string>& row = rows.emplace_back();
    row.reserve(elements);
    for (uint32_t i = 0; i < elements; ++i) {
      row.emplace_back(texts.substr(0, lengths[next]));
      texts.remove_prefix(lengths[next++]);
    }
  }
  return ok_status();
}

Status read_values(Reader& in, uint32_t count, MetadataColumn& column) {
  auto& values = column.values;
  switch (column.type) {
    case MetadataType::null:
      values = std::monostate();
      return ok_status();
    case MetadataType::boolean:
      return read_flags(in, count, values.emplace<std::vector<uint8_t>>());
    case MetadataType::integer:
      return in.numbers(count, values.emplace<std::vector<int64_t>>());
    case MetadataType::floating:
      return in.numbers(count, values.emplace<std::vector<double>>());
    case MetadataType::string:
      return read_strings(in, count, values.emplace<StringColumn>());
    case MetadataType::booleans:
      return read_bool_arrays(in, count, values.emplace<std::vector<std::vector<bool>>>());
    case MetadataType::integers:
      return read_arrays(in, count, values.emplace<std::vector<std::vector<int64_t>>>());
    case MetadataType::floatings:
      return read_arrays(in, count, values.emplace<std::vector<std::vector<double>>>());
    case MetadataType::strings:
      return read_string_arrays(in, count, values.emplace<std::vector<std::vector<std::string>>>());
  }
  return wrong("an unknown type of metadata");
}

Status read_column(Reader& in, uint32_t rows, MetadataColumn& column) {
  VIRIDIAN_TRY(const auto key_size, in.number<uint32_t>());
  VIRIDIAN_TRY(column.key, in.raw(key_size));
  VIRIDIAN_TRY(const auto type, in.number<uint8_t>());
  if (type >= kMetadataTypes) return wrong("an unknown type of metadata");
  column.type = static_cast<MetadataType>(type);
  VIRIDIAN_TRY(const auto count, in.number<uint32_t>());
  VIRIDIAN_TRY_VOID(in.numbers(count, column.rows));
  for (size_t i = 0; i < column.rows.size(); ++i) {
    if (column.rows[i] >= rows) return wrong("metadata of a record that is not there");
    if (i > 0 && column.rows[i] <= column.rows[i - 1]) return wrong("metadata rows do not ascend");
  }
  return read_values(in, count, column);
}

Status read_metadata_columns(Reader& in, uint32_t rows, std::vector<MetadataColumn>& columns) {
  VIRIDIAN_TRY(const auto count, in.number<uint32_t>());
  for (uint32_t i = 0; i < count; ++i) {
    MetadataColumn column;
    VIRIDIAN_TRY_VOID(read_column(in, rows, column));
    if (i > 0 &&
        std::tie(columns.back().key, columns.back().type) >= std::tie(column.key, column.type))
      return wrong("metadata columns do not ascend");
    columns.push_back(std::move(column));
  }
  return ok_status();
}

}  // namespace

Result<RecordBatch> decode_batch(std::string_view bytes) {
  Reader in(bytes);
  VIRIDIAN_TRY(const auto version, in.number<uint8_t>());
  if (version != kBatchVersion)
    return wrong(fmt::format("they begin with version {}, known is {}", version, kBatchVersion));
  VIRIDIAN_TRY(const auto operation, in.number<uint8_t>());
  VIRIDIAN_TRY(const auto parts, in.number<uint8_t>());
  VIRIDIAN_TRY(const auto zero, in.number<uint8_t>());
  if (operation > static_cast<uint8_t>(Operation::remove)) return wrong("an unknown operation");
  if ((parts & ~kKnownParts) != 0 || zero != 0) return wrong("unknown flags are set");
  RecordBatch batch;
  batch.operation = static_cast<Operation>(operation);
  VIRIDIAN_TRY(const auto rows, in.number<uint32_t>());
  if (rows == 0 && parts != 0) return wrong("columns without records");
  VIRIDIAN_TRY_VOID(read_ids(in, rows, (parts & kHasUuidIds) != 0, batch.ids));
  VIRIDIAN_TRY_VOID(read_embeddings(in, rows, (parts & kHasEmbeddingRows) != 0, batch));
  if ((parts & kHasDocuments) != 0) VIRIDIAN_TRY_VOID(read_nullable(in, rows, batch.documents));
  if ((parts & kHasUris) != 0) VIRIDIAN_TRY_VOID(read_nullable(in, rows, batch.uris));
  VIRIDIAN_TRY_VOID(read_metadata_columns(in, rows, batch.metadata));
  if (!in.at_end()) return wrong("bytes are left over");
  return batch;
}

}  // namespace viridian::codec
