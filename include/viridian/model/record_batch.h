#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "viridian/model/columns.h"
#include "viridian/model/metadata.h"

namespace viridian {

/// What a batch does with its records, in row order.
enum class Operation : uint8_t {
  add = 0,  ///< insert; a record whose id exists stays as it is
  update =
      1,  ///< change; a missing id is skipped; absent columns keep their values, metadata merges
  upsert = 2,  ///< update where the id exists, otherwise insert
  remove = 3,  ///< delete; only ids are set
};

/// The values of one metadata key and one type: values[i] belongs to row rows[i]. Rows ascend.
/// A key with values of two types has two columns. For MetadataType::null, values is empty and
/// rows says which records lose the key.
struct MetadataColumn {
  std::string key;
  MetadataType type = MetadataType::null;
  std::vector<uint32_t> rows;
  /// The vector whose element type belongs to `type`; monostate for null.
  std::variant<std::monostate, std::vector<uint8_t>, std::vector<int64_t>, std::vector<double>,
               StringColumn, std::vector<std::vector<bool>>, std::vector<std::vector<int64_t>>,
               std::vector<std::vector<double>>, std::vector<std::vector<std::string>>>
      values;

  MetadataValue value(size_t i) const;
  friend bool operator==(const MetadataColumn&, const MetadataColumn&) = default;
};

/// Records by column: the one form in which writes are decoded, logged and applied.
/// Columns that nobody set are empty; a column that is set has one entry per id.
struct RecordBatch {
  static constexpr uint32_t kNoEmbedding = std::numeric_limits<uint32_t>::max();

  Operation operation = Operation::add;
  StringColumn ids;
  /// The vectors that are present, packed in row order. In an add or upsert every row has one.
  Matrix embeddings;
  /// Row -> row of `embeddings`, or kNoEmbedding; empty means "row i has vector i" (or that there
  /// are no vectors at all).
  std::vector<uint32_t> embedding_rows;
  NullableStringColumn documents;
  NullableStringColumn uris;
  /// Ordered by (key, type), each pair once.
  std::vector<MetadataColumn> metadata;

  size_t rows() const noexcept { return ids.size(); }
  /// The row's vector, or null where it has none.
  const float* embedding(size_t row) const;
  /// The row's metadata as a map; nulls (removals) included. For edges and tests, not hot paths.
  Metadata metadata_of(size_t row) const;
  /// Bytes held, roughly: what budgets count.
  size_t size_bytes() const noexcept;
  friend bool operator==(const RecordBatch&, const RecordBatch&) = default;
};

/// Collects metadata row by row into columns.
class MetadataColumnsBuilder {
 public:
  /// Adds one value to `row`. Rows must not descend; a (row, key) may be set once.
  void set(uint32_t row, std::string_view key, MetadataValue value);
  void set(uint32_t row, const Metadata& metadata);
  /// The columns, ordered by (key, type). The builder is empty afterwards.
  std::vector<MetadataColumn> finish();

 private:
  std::vector<MetadataColumn> columns_;
};

}  // namespace viridian
