#include "viridian/model/record_batch.h"

#include <algorithm>
#include <tuple>

namespace viridian {
namespace {

/// Makes the column's value vector the one that belongs to its type.
void start_values(MetadataColumn& column) {
  switch (column.type) {
    case MetadataType::null:
      column.values.emplace<std::monostate>();
      break;
    case MetadataType::boolean:
      column.values.emplace<std::vector<uint8_t>>();
      break;
    case MetadataType::integer:
      column.values.emplace<std::vector<int64_t>>();
      break;
    case MetadataType::floating:
      column.values.emplace<std::vector<double>>();
      break;
    case MetadataType::string:
      column.values.emplace<StringColumn>();
      break;
    case MetadataType::booleans:
      column.values.emplace<std::vector<std::vector<bool>>>();
      break;
    case MetadataType::integers:
      column.values.emplace<std::vector<std::vector<int64_t>>>();
      break;
    case MetadataType::floatings:
      column.values.emplace<std::vector<std::vector<double>>>();
      break;
    case MetadataType::strings:
      column.values.emplace<std::vector<std::vector<std::string>>>();
      break;
  }
}

void push_value(MetadataColumn& column, MetadataValue value) {
  std::visit(
      [&](auto&& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, bool>)
          std::get<std::vector<uint8_t>>(column.values).push_back(held ? 1 : 0);
        else if constexpr (std::is_same_v<T, std::string>)
          std::get<StringColumn>(column.values).push_back(held);
        else if constexpr (!std::is_same_v<T, std::monostate>)
          std::get<std::vector<T>>(column.values).push_back(std::forward<decltype(held)>(held));
      },
      std::move(value));
}

bool precedes(const MetadataColumn& column, std::string_view key, MetadataType type) {
  return std::tie(column.key, column.type) < std::tuple<std::string_view, MetadataType>(key, type);
}

struct HeldBytes {
  size_t operator()(std::monostate) const { return 0; }
  size_t operator()(const StringColumn& column) const {
    return column.bytes().size() + column.size() * sizeof(uint64_t);
  }
  template <class T>
  size_t operator()(const std::vector<T>& values) const {
    return values.size() * sizeof(T);
  }
  template <class T>
  size_t operator()(const std::vector<std::vector<T>>& rows) const {
    size_t bytes = rows.size() * sizeof(std::vector<T>);
    for (const auto& row : rows) bytes += row.size() * sizeof(T);
    return bytes;
  }
  size_t operator()(const std::vector<std::vector<std::string>>& rows) const {
    size_t bytes = 0;
    for (const auto& row : rows)
      for (const auto& text : row) bytes += sizeof(std::string) + text.size();
    return bytes;
  }
};

}  // namespace

MetadataValue MetadataColumn::value(size_t i) const {
  return std::visit(
      [&](const auto& held) -> MetadataValue {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>)
          return std::monostate();
        else if constexpr (std::is_same_v<T, std::vector<uint8_t>>)
          return held[i] != 0;
        else if constexpr (std::is_same_v<T, StringColumn>)
          return std::string(held[i]);
        else
          return held[i];
      },
      values);
}

const float* RecordBatch::embedding(size_t row) const {
  const size_t at = embedding_rows.empty() ? row : embedding_rows[row];
  if (at == kNoEmbedding || at >= embeddings.rows()) return nullptr;
  return embeddings.row(at);
}

Metadata RecordBatch::metadata_of(size_t row) const {
  Metadata result;
  for (const MetadataColumn& column : metadata) {
    const auto at = std::lower_bound(column.rows.begin(), column.rows.end(), row);
    if (at != column.rows.end() && *at == row)
      result.set(column.key, column.value(static_cast<size_t>(at - column.rows.begin())));
  }
  return result;
}

size_t RecordBatch::size_bytes() const noexcept {
  size_t bytes = HeldBytes()(ids) + embeddings.values.size() * sizeof(float) +
                 embedding_rows.size() * sizeof(uint32_t) + HeldBytes()(documents.values()) +
                 HeldBytes()(uris.values());
  for (const MetadataColumn& column : metadata) {
    bytes += column.key.size() + column.rows.size() * sizeof(uint32_t) +
             std::visit(HeldBytes(), column.values);
  }
  return bytes;
}

void MetadataColumnsBuilder::set(uint32_t row, std::string_view key, MetadataValue value) {
  const MetadataType type = type_of(value);
  auto at = std::partition_point(
      columns_.begin(), columns_.end(),
      [&](const MetadataColumn& column) { return precedes(column, key, type); });
  if (at == columns_.end() || at->key != key || at->type != type) {
    at = columns_.insert(at, MetadataColumn{std::string(key), type, {}, {}});
    start_values(*at);
  }
  at->rows.push_back(row);
  push_value(*at, std::move(value));
}

void MetadataColumnsBuilder::set(uint32_t row, const Metadata& metadata) {
  for (const auto& [key, value] : metadata) set(row, key, value);
}

std::vector<MetadataColumn> MetadataColumnsBuilder::finish() { return std::exchange(columns_, {}); }

}  // namespace viridian
