#pragma once
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "viridian/model/requests.h"

/// What a collection holds and answers, in the plainest way: no log, no segments, no indexes.
/// Property tests hold the real thing against it.
namespace viridian::conformance {

struct OracleRecord {
  std::string id;
  std::vector<float> vector;
  std::optional<std::string> document;
  std::optional<std::string> uri;
  Metadata metadata;
};

class Oracle {
 public:
  explicit Oracle(Space space = Space::l2) : space_(space) {}

  void apply(const RecordBatch& batch) {
    for (size_t row = 0; row < batch.rows(); ++row) apply(batch, row);
  }
  size_t size() const { return records_.size(); }
  const OracleRecord& at(uint64_t order) const { return records_.at(order); }

  /// The records that the selection names, in natural order, by their order.
  std::vector<uint64_t> select(const Selection& selection) const {
    std::vector<uint64_t> selected;
    for (const auto& [order, record] : records_) {
      if (selection.where && !matches(record, *selection.where)) continue;
      if (selection.where_document && !matches(record, *selection.where_document)) continue;
      if (selection.ids && !names(*selection.ids, record.id)) continue;
      selected.push_back(order);
    }
    return selected;
  }

  /// All selected records by (distance, order).
  std::vector<std::pair<double, uint64_t>> search(const std::vector<float>& query,
                                                  const Selection& selection) const {
    std::vector<std::pair<double, uint64_t>> found;
    for (const uint64_t order : select(selection))
      found.emplace_back(distance(query, at(order).vector), order);
    std::sort(found.begin(), found.end());
    return found;
  }

  double distance(const std::vector<float>& a, const std::vector<float>& b) const {
    double dot = 0, aa = 0, bb = 0, l2 = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      const double x = a[i], y = b[i];
      dot += x * y, aa += x * x, bb += y * y, l2 += (x - y) * (x - y);
    }
    if (space_ == Space::l2) return l2;
    if (space_ == Space::ip) return 1 - dot;
    return aa == 0 || bb == 0 ? 1 : 1 - dot / std::sqrt(aa * bb);
  }

 private:
  static bool names(const StringColumn& ids, const std::string& id) {
    for (size_t i = 0; i < ids.size(); ++i)
      if (ids[i] == id) return true;
    return false;
  }

  void apply(const RecordBatch& batch, size_t row) {
    const std::string id(batch.ids[row]);
    const auto known = orders_.find(id);
    if (batch.operation == Operation::remove) {
      if (known == orders_.end()) return;
      records_.erase(known->second);
      orders_.erase(known);
      return;
    }
    if (known != orders_.end()) {
      if (batch.operation != Operation::add) change(records_.at(known->second), batch, row);
      return;
    }
    if (batch.operation == Operation::update) return;
    orders_[id] = next_order_;
    OracleRecord& record = records_[next_order_++];
    record.id = id;
    change(record, batch, row);
  }

  static void change(OracleRecord& record, const RecordBatch& batch, size_t row) {
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

  /// Integers and doubles exactly: a long double holds either.
  static std::optional<long double> number(const MetadataValue& value) {
    if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
    if (const auto* floating = std::get_if<double>(&value)) return *floating;
    return std::nullopt;
  }
  static bool equal(const MetadataValue& a, const MetadataValue& b) {
    if (number(a) && number(b)) return *number(a) == *number(b);
    return a == b;
  }
  static bool any_equal(const MetadataValue* value, const std::vector<MetadataValue>& operands) {
    return value != nullptr &&
           std::any_of(operands.begin(), operands.end(),
                       [&](const MetadataValue& operand) { return equal(*value, operand); });
  }
  static bool holds(const MetadataValue* array, const MetadataValue& element) {
    if (array == nullptr) return false;
    return std::visit(
        [&](const auto& values) {
          using T = std::decay_t<decltype(values)>;
          if constexpr (std::is_same_v<T, std::vector<bool>> ||
                        std::is_same_v<T, std::vector<int64_t>> ||
                        std::is_same_v<T, std::vector<double>> ||
                        std::is_same_v<T, std::vector<std::string>>) {
            const auto* wanted = std::get_if<typename T::value_type>(&element);
            return wanted && std::find(values.begin(), values.end(), *wanted) != values.end();
          } else {
            return false;
          }
        },
        *array);
  }
  template <class Compare>
  static bool compares(const MetadataValue* value, const MetadataValue& operand, Compare compare) {
    if (value == nullptr || !number(*value) || !number(operand)) return false;
    return compare(*number(*value), *number(operand));
  }
  static bool contains(const OracleRecord& record, const Where& where) {
    return record.document &&
           record.document->find(std::get<std::string>(where.operands[0])) != std::string::npos;
  }
  /// The document or the uri, where the key means one of them and the record has it.
  static std::optional<MetadataValue> own_column(const OracleRecord& record,
                                                 const std::string& key) {
    if (key == Where::kDocumentKey && record.document) return *record.document;
    if (key == Where::kUriKey && record.uri) return *record.uri;
    return std::nullopt;
  }
  static bool matches(const OracleRecord& record, const Where& where) {
    const std::optional<MetadataValue> own = own_column(record, where.key);
    const MetadataValue* value = own ? &*own : record.metadata.find(where.key);
    const auto child = [&](const Where& w) { return matches(record, w); };
    const auto& children = where.children;
    switch (where.op) {
      case Where::Op::all:
        return std::all_of(children.begin(), children.end(), child);
      case Where::Op::any:
        return std::any_of(children.begin(), children.end(), child);
      case Where::Op::eq:
      case Where::Op::in:
        return any_equal(value, where.operands);
      case Where::Op::ne:
      case Where::Op::nin:
        return !any_equal(value, where.operands);
      case Where::Op::gt:
        return compares(value, where.operands[0], std::greater<>());
      case Where::Op::gte:
        return compares(value, where.operands[0], std::greater_equal<>());
      case Where::Op::lt:
        return compares(value, where.operands[0], std::less<>());
      case Where::Op::lte:
        return compares(value, where.operands[0], std::less_equal<>());
      case Where::Op::contains:
        return holds(value, where.operands[0]);
      case Where::Op::not_contains:
        return !holds(value, where.operands[0]);
      case Where::Op::document_contains:
        return contains(record, where);
      case Where::Op::document_not_contains:
        return !contains(record, where);
      default:
        return false;  // regular expressions have their own tests
    }
  }

  Space space_;
  uint64_t next_order_ = 0;
  std::map<uint64_t, OracleRecord> records_;  // by natural order
  std::map<std::string, uint64_t> orders_;
};

}  // namespace viridian::conformance
