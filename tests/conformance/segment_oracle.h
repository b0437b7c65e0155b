#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "viridian/model/record_batch.h"
#include "viridian/spi/segments.h"

/// What segments must answer, computed in the plainest way.
namespace viridian::conformance {

struct OracleRecord {
  uint64_t inserted = 0;  ///< ascending in natural order
  std::vector<float> vector;
  Metadata metadata;
  std::optional<std::string> document, uri;
};

class SegmentOracle {
 public:
  void apply(const RecordBatch& batch) {
    for (size_t row = 0; row < batch.rows(); ++row) apply(batch, row);
  }
  const std::map<std::string, OracleRecord>& records() const { return records_; }

  /// Ids in natural order of the records for which `accept` holds.
  template <class F>
  std::vector<std::string> ids(F&& accept) const {
    std::vector<std::pair<uint64_t, std::string>> found;
    for (const auto& [id, record] : records_)
      if (accept(record)) found.emplace_back(record.inserted, id);
    std::sort(found.begin(), found.end());
    std::vector<std::string> ids;
    for (auto& [inserted, id] : found) ids.push_back(std::move(id));
    return ids;
  }

 private:
  void apply(const RecordBatch& batch, size_t row) {
    const std::string id(batch.ids[row]);
    const auto known = records_.find(id);
    switch (batch.operation) {
      case Operation::remove:
        if (known != records_.end()) records_.erase(known);
        return;
      case Operation::add:
        if (known != records_.end()) return;
        break;
      case Operation::update:
        if (known == records_.end()) return;
        break;
      case Operation::upsert:
        break;
    }
    OracleRecord& record = records_[id];
    if (known == records_.end()) record.inserted = ++last_inserted_;
    if (const float* vector = batch.embedding(row))
      record.vector.assign(vector, vector + batch.embeddings.dim);
    if (!batch.documents.empty() && batch.documents.has(row))
      record.document = std::string(*batch.documents[row]);
    if (!batch.uris.empty() && batch.uris.has(row)) record.uri = std::string(*batch.uris[row]);
    for (const auto& [key, value] : batch.metadata_of(row)) {
      if (type_of(value) == MetadataType::null)
        record.metadata.erase(key);
      else
        record.metadata.set(key, value);
    }
  }

  std::map<std::string, OracleRecord> records_;
  uint64_t last_inserted_ = 0;
};

/// -1, 0, 1, or nothing where the two cannot be compared. A long double holds every int64 and
/// every double.
inline std::optional<int> oracle_compare(const MetadataValue& a, const MetadataValue& b) {
  const auto number = [](const MetadataValue& value) -> std::optional<long double> {
    if (const auto* i = std::get_if<int64_t>(&value)) return static_cast<long double>(*i);
    if (const auto* d = std::get_if<double>(&value)) return static_cast<long double>(*d);
    return std::nullopt;
  };
  if (const auto x = number(a), y = number(b); x && y) return (*x > *y) - (*x < *y);
  if (a.index() != b.index()) return std::nullopt;
  if (const auto* s = std::get_if<std::string>(&a)) {
    const int order = s->compare(std::get<std::string>(b));
    return (order > 0) - (order < 0);
  }
  if (const auto* x = std::get_if<bool>(&a)) return int(*x) - int(std::get<bool>(b));
  return std::nullopt;
}

inline bool oracle_array_has(const MetadataValue& array, const MetadataValue& element) {
  return std::visit(
      [&](const auto& held) {
        if constexpr (requires {
                        held.begin();
                        typename std::decay_t<decltype(held)>::value_type;
                      }) {
          using T = typename std::decay_t<decltype(held)>::value_type;
          if constexpr (!std::is_same_v<T, char>) {
            const T* wanted = std::get_if<T>(&element);
            return wanted != nullptr && std::find(held.begin(), held.end(), *wanted) != held.end();
          }
        }
        return false;
      },
      array);
}

inline bool oracle_holds(const Where& where, const OracleRecord& record);

inline bool oracle_condition(const Where& where, const OracleRecord& record) {
  std::optional<MetadataValue> value;
  if (where.key == Where::kDocumentKey) {
    if (record.document) value = *record.document;
  } else if (where.key == Where::kUriKey) {
    if (record.uri) value = *record.uri;
  } else if (const MetadataValue* found = record.metadata.find(where.key)) {
    value = *found;
  }
  if (!value) return false;
  if (where.op == Where::Op::contains || where.op == Where::Op::not_contains)
    return oracle_array_has(*value, where.operands[0]);
  if (where.op == Where::Op::in || where.op == Where::Op::nin)
    return std::any_of(where.operands.begin(), where.operands.end(),
                       [&](const MetadataValue& o) { return oracle_compare(*value, o) == 0; });
  const std::optional<int> order = oracle_compare(*value, where.operands[0]);
  if (!order) return false;
  switch (where.op) {
    case Where::Op::gt:
      return *order > 0;
    case Where::Op::gte:
      return *order >= 0;
    case Where::Op::lt:
      return *order < 0;
    case Where::Op::lte:
      return *order <= 0;
    default:
      return *order == 0;
  }
}

/// Regular expressions are taken to be plain text: the tests' have no special characters.
inline bool oracle_holds(const Where& where, const OracleRecord& record) {
  const auto holds = [&](const Where& child) { return oracle_holds(child, record); };
  switch (where.op) {
    case Where::Op::all:
      return std::all_of(where.children.begin(), where.children.end(), holds);
    case Where::Op::any:
      return std::any_of(where.children.begin(), where.children.end(), holds);
    case Where::Op::document_contains:
    case Where::Op::document_matches:
    case Where::Op::document_not_contains:
    case Where::Op::document_not_matches: {
      const bool found =
          record.document &&
          record.document->find(std::get<std::string>(where.operands[0])) != std::string::npos;
      return found ==
             (where.op == Where::Op::document_contains || where.op == Where::Op::document_matches);
    }
    case Where::Op::ne:
    case Where::Op::nin:
    case Where::Op::not_contains:
      return !oracle_condition(where, record);
    default:
      return oracle_condition(where, record);
  }
}

/// In double, so only near to what a segment gives.
inline double oracle_distance(Space space, const float* a, const std::vector<float>& b) {
  double squares = 0, dot = 0, norm_a = 0, norm_b = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const double x = a[i], y = b[i];
    squares += (x - y) * (x - y);
    dot += x * y;
    norm_a += x * x;
    norm_b += y * y;
  }
  if (space == Space::l2) return squares;
  if (space == Space::ip) return 1 - dot;
  return norm_a == 0 || norm_b == 0 ? 1 : 1 - dot / std::sqrt(norm_a * norm_b);
}

}  // namespace viridian::conformance
