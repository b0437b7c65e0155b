#pragma once
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "conformance/records.h"

/// Random batches, filters and selections over a small world of ids, keys and words, so that
/// operations often meet each other's records.
namespace viridian::conformance {

class RandomRequests {
 public:
  static constexpr size_t kDimension = 3;

  explicit RandomRequests(uint32_t seed) : random_(seed) {}

  /// In [0, n).
  int pick(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool chance(int percent) { return pick(100) < percent; }

  RecordBatch batch() {
    const Operation operation = static_cast<Operation>(pick(3));
    const bool update = operation == Operation::update;
    std::vector<Row> rows(static_cast<size_t>(pick(6)));
    for (Row& row : rows) {
      row.id = id();
      if (!update || chance(50)) row.vector = vector();
      if (chance(50)) row.document = text();
      if (chance(30)) row.uri = "file:" + text();
      if (chance(70)) row.metadata = metadata(operation != Operation::add);
    }
    return batch_of(operation, rows);
  }

  Selection selection() {
    Selection selected;
    if (chance(30)) {
      selected.ids.emplace();
      for (int i = pick(12); i > 0; --i) selected.ids->push_back(id());
    }
    if (chance(50)) selected.where = where(2);
    if (chance(25)) selected.where_document = where_document(1);
    return selected;
  }

  /// Small whole numbers: sums of their products are exact, so ties are ties everywhere.
  std::vector<float> vector() {
    std::vector<float> values(kDimension);
    for (float& value : values) value = static_cast<float>(pick(7) - 3);
    return values;
  }

 private:
  std::string id() { return "id" + std::to_string(pick(25)); }
  std::string key() { return std::string(1, static_cast<char>('p' + pick(4))); }
  std::string text() {
    static const char* const words[] = {"red", "green", "blue", "\xc3\xa9t\xc3\xa9", "a b", ""};
    std::string result;
    for (int i = pick(4); i > 0; --i) result += words[pick(6)];
    return result;
  }
  MetadataValue scalar() {
    switch (pick(4)) {
      case 0:
        return chance(50);
      case 1:
        return chance(10) ? (int64_t{1} << 53) + pick(3) : int64_t{pick(4)};
      case 2:
        return chance(10) ? 9007199254740992.0 : pick(8) / 2.0;
      default:
        return text();
    }
  }
  template <class T, class Make>
  std::vector<T> list(Make make) {
    std::vector<T> values;
    for (int i = 1 + pick(3); i > 0; --i) values.push_back(make());
    return values;
  }
  MetadataValue value() {
    switch (pick(12)) {
      case 0:
        return list<bool>([&] { return chance(50); });
      case 1:
        return list<int64_t>([&] { return int64_t{pick(4)}; });
      case 2:
        return list<double>([&] { return pick(8) / 2.0; });
      case 3:
        return list<std::string>([&] { return text(); });
      default:
        return scalar();
    }
  }
  Metadata metadata(bool with_nulls) {
    Metadata made;
    for (int i = pick(4); i > 0; --i) {
      if (with_nulls && chance(25))
        made.set(key(), std::monostate());
      else
        made.set(key(), value());
    }
    return made;
  }

  Where where(int depth) {
    if (depth > 0 && chance(40)) {
      std::vector<Where> children;
      for (int i = pick(4); i > 0; --i) children.push_back(where(depth - 1));
      return group(chance(50) ? Where::Op::all : Where::Op::any, std::move(children));
    }
    switch (pick(5)) {
      case 0:
        return conformance::where(chance(50) ? Where::Op::eq : Where::Op::ne, key(), {scalar()});
      case 1: {
        const int order = static_cast<int>(Where::Op::gt) + pick(4);
        const MetadataValue number =
            chance(50) ? MetadataValue(int64_t{pick(4)}) : MetadataValue(pick(8) / 2.0);
        return conformance::where(static_cast<Where::Op>(order), key(), {number});
      }
      case 2: {
        std::vector<MetadataValue> operands{scalar()};
        for (int i = pick(20); i > 0; --i) {
          MetadataValue next = scalar();
          if (next.index() == operands[0].index()) operands.push_back(std::move(next));
        }
        return conformance::where(chance(50) ? Where::Op::in : Where::Op::nin, key(), operands);
      }
      case 3:
        return conformance::where(chance(50) ? Where::Op::contains : Where::Op::not_contains, key(),
                                  {scalar()});
      default:
        return where_document(0);
    }
  }
  Where where_document(int depth) {
    if (depth > 0 && chance(40)) {
      return group(chance(50) ? Where::Op::all : Where::Op::any,
                   {where_document(0), where_document(0)});
    }
    return document(chance(60) ? Where::Op::document_contains : Where::Op::document_not_contains,
                    text());
  }

  std::mt19937 random_;
};

}  // namespace viridian::conformance
