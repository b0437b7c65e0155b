#pragma once
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "viridian/spi/segments.h"

/// What orders, facets and extents must give, computed in the plainest way.
namespace viridian::conformance {

/// A record by its offset, or whatever ascends in natural order.
using ValuedRecord = std::pair<Offset, const Metadata*>;

/// What a value is compared by: family, number, text. Unset: it comes last.
struct Comparable {
  int family = 0;
  long double number = 0;  ///< holds every int64 and every double
  std::string text;
  friend auto operator<=>(const Comparable&, const Comparable&) = default;
};

inline std::optional<Comparable> comparable(const MetadataValue* value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* b = std::get_if<bool>(value)) return Comparable{0, *b ? 1.0L : 0.0L, {}};
  if (const auto* i = std::get_if<int64_t>(value))
    return Comparable{1, static_cast<long double>(*i), {}};
  if (const auto* s = std::get_if<std::string>(value)) return Comparable{2, 0, *s};
  if (const auto* d = std::get_if<double>(value); d != nullptr && !std::isnan(*d))
    return Comparable{1, *d, {}};
  return std::nullopt;
}

/// Whether a comes before b.
inline bool oracle_before(const std::vector<SortKey>& keys, const ValuedRecord& a,
                          const ValuedRecord& b) {
  for (const SortKey& key : keys) {
    const auto x = comparable(a.second->find(key.key)), y = comparable(b.second->find(key.key));
    if (x.has_value() != y.has_value()) return x.has_value();
    if (!x || *x == *y) continue;
    return key.descending ? *y < *x : *x < *y;
  }
  return a.first < b.first;
}

inline std::vector<Offset> oracle_order(std::vector<ValuedRecord> records,
                                        const OrderQuery& query) {
  const std::vector<SortKey> keys(query.keys.begin(), query.keys.end());
  const auto before = [&](const ValuedRecord& a, const ValuedRecord& b) {
    return oracle_before(keys, a, b);
  };
  if (query.after != nullptr) {
    Metadata values;
    for (size_t i = 0; i < keys.size(); ++i) values.set(keys[i].key, query.after->values[i]);
    const ValuedRecord place{query.after->offset, &values};
    std::erase_if(records, [&](const ValuedRecord& record) { return !before(place, record); });
  }
  std::sort(records.begin(), records.end(), before);
  std::vector<Offset> page;
  for (uint64_t i = query.skip; i < records.size() && page.size() < query.limit; ++i)
    page.push_back(records[i].first);
  return page;
}

/// The value itself, or the elements of an array, each once.
inline std::map<Comparable, MetadataValue> oracle_values(const MetadataValue* value) {
  std::map<Comparable, MetadataValue> values;
  if (value == nullptr) return values;
  const auto add = [&](const MetadataValue& one) {
    if (const auto place = comparable(&one)) values.emplace(*place, one);
  };
  std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::vector<bool>>) {
          for (const bool element : held) add(element);
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>> ||
                             std::is_same_v<T, std::vector<double>> ||
                             std::is_same_v<T, std::vector<std::string>>) {
          for (const auto& element : held) add(element);
        } else {
          add(held);
        }
      },
      *value);
  return values;
}

inline Facet oracle_facet(const std::vector<ValuedRecord>& records, const std::string& key,
                          uint32_t limit) {
  std::map<Comparable, ValueCount> counts;
  Facet facet;
  for (const ValuedRecord& record : records) {
    const auto values = oracle_values(record.second->find(key));
    facet.records += values.empty() ? 0 : 1;
    for (const auto& [place, value] : values) {
      ValueCount& counted = counts[place];
      ++counted.records;
      const bool better = type_of(value) == MetadataType::integer || counted.records == 1;
      if (better) counted.value = value;
    }
  }
  facet.distinct = counts.size();
  for (const auto& [place, counted] : counts) facet.values.push_back(counted);
  std::stable_sort(facet.values.begin(), facet.values.end(),
                   [](const ValueCount& a, const ValueCount& b) { return a.records > b.records; });
  for (size_t i = limit; i < facet.values.size(); ++i) facet.others += facet.values[i].records;
  if (facet.values.size() > limit) facet.values.resize(limit);
  return facet;
}

inline Extent oracle_extent(const std::vector<ValuedRecord>& records, const std::string& key) {
  std::map<Comparable, MetadataValue> values;
  Extent extent;
  for (const ValuedRecord& record : records) {
    const MetadataValue* value = record.second->find(key);
    const auto place = comparable(value);
    if (!place) continue;
    ++extent.records;
    const auto [at, is_new] = values.emplace(*place, *value);
    if (!is_new && type_of(*value) == MetadataType::integer) at->second = *value;
  }
  if (values.empty()) return extent;
  extent.least = values.begin()->second;
  extent.greatest = values.rbegin()->second;
  return extent;
}

}  // namespace viridian::conformance
