#pragma once
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "viridian/model/requests.h"

/// Short ways to write batches, filters and requests in tests.
namespace viridian::conformance {

/// An integer metadata value: 5_i.
constexpr int64_t operator""_i(unsigned long long value) { return static_cast<int64_t>(value); }

/// Text that does not become smaller where it is compressed.
inline std::string noise(uint64_t seed, size_t bytes) {
  std::mt19937_64 random(seed);
  std::string text(bytes, ' ');
  for (char& byte : text) byte = static_cast<char>(' ' + random() % 90);
  return text;
}

/// One record of a batch. An empty vector means none.
struct Row {
  std::string id = {};
  std::vector<float> vector = {};
  std::optional<Metadata> metadata = {};
  std::optional<std::string> document = {};
  std::optional<std::string> uri = {};
};

inline RecordBatch batch_of(Operation operation, const std::vector<Row>& rows) {
  RecordBatch batch;
  batch.operation = operation;
  bool documents = false;
  bool uris = false;
  size_t vectors = 0;
  for (const Row& row : rows) {
    documents |= row.document.has_value();
    uris |= row.uri.has_value();
    vectors += !row.vector.empty();
  }
  MetadataColumnsBuilder metadata;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    batch.ids.push_back(row.id);
    if (documents) batch.documents.push_back(row.document);
    if (uris) batch.uris.push_back(row.uri);
    if (row.metadata) metadata.set(i, *row.metadata);
    if (vectors != 0 && vectors != rows.size()) {
      batch.embedding_rows.push_back(row.vector.empty()
                                         ? RecordBatch::kNoEmbedding
                                         : static_cast<uint32_t>(batch.embeddings.rows()));
    }
    if (row.vector.empty()) continue;
    batch.embeddings.dim = static_cast<uint32_t>(row.vector.size());
    batch.embeddings.values.insert(batch.embeddings.values.end(), row.vector.begin(),
                                   row.vector.end());
  }
  batch.metadata = metadata.finish();
  return batch;
}

inline StringColumn ids_of(const std::vector<std::string>& ids) {
  StringColumn column;
  for (const std::string& id : ids) column.push_back(id);
  return column;
}

inline std::vector<std::string> strings(const StringColumn& column) {
  std::vector<std::string> values;
  for (size_t i = 0; i < column.size(); ++i) values.emplace_back(column[i]);
  return values;
}

inline Where where(Where::Op op, std::string key, std::vector<MetadataValue> operands) {
  Where condition;
  condition.op = op;
  condition.key = std::move(key);
  condition.operands = std::move(operands);
  return condition;
}
inline Where eq(std::string key, MetadataValue value) {
  return where(Where::Op::eq, std::move(key), {std::move(value)});
}
inline Where ne(std::string key, MetadataValue value) {
  return where(Where::Op::ne, std::move(key), {std::move(value)});
}
inline Where document(Where::Op op, std::string text) { return where(op, "", {std::move(text)}); }
inline Where contains_text(std::string text) {
  return document(Where::Op::document_contains, std::move(text));
}
inline Where group(Where::Op op, std::vector<Where> children) {
  Where condition;
  condition.op = op;
  condition.children = std::move(children);
  return condition;
}
inline Where all_of(std::vector<Where> children) {
  return group(Where::Op::all, std::move(children));
}
inline Where any_of(std::vector<Where> children) {
  return group(Where::Op::any, std::move(children));
}

inline Selection by_ids(const std::vector<std::string>& ids) {
  Selection selection;
  selection.ids = ids_of(ids);
  return selection;
}
inline Selection by_where(Where condition) {
  Selection selection;
  selection.where = std::move(condition);
  return selection;
}
inline Selection by_document(Where condition) {
  Selection selection;
  selection.where_document = std::move(condition);
  return selection;
}

/// Everything a get can give.
inline GetRequest get_all(Selection selection = {}) {
  GetRequest request;
  request.selection = std::move(selection);
  request.include = {Include::documents, Include::metadatas, Include::embeddings, Include::uris};
  return request;
}

inline QueryRequest query_of(const std::vector<std::vector<float>>& vectors,
                             uint32_t n_results = 10, Selection selection = {}) {
  QueryRequest request;
  request.n_queries = static_cast<uint32_t>(vectors.size());
  request.n_results = n_results;
  request.selection = std::move(selection);
  for (const auto& vector : vectors) {
    request.vectors.dim = static_cast<uint32_t>(vector.size());
    request.vectors.values.insert(request.vectors.values.end(), vector.begin(), vector.end());
  }
  return request;
}

inline DeleteRequest delete_of(Selection selection, std::optional<uint32_t> limit = {}) {
  DeleteRequest request;
  request.selection = std::move(selection);
  request.limit = limit;
  return request;
}

inline std::vector<float> row_of(const Matrix& matrix, size_t row) {
  return {matrix.row(row), matrix.row(row) + matrix.dim};
}

}  // namespace viridian::conformance
