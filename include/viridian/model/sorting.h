#pragma once
#include <string>
#include <vector>

#include "viridian/model/ids.h"
#include "viridian/model/metadata.h"

namespace viridian {

/// Orders records by a metadata key: first booleans (false, true), then numbers, compared
/// mathematically whether they are integers or floats, then strings by their bytes; the other way
/// round where it descends. A record that has no such value (no key, an array, NaN) comes last
/// either way. Records of equal values keep their natural order either way.
struct SortKey {
  std::string key;
  bool descending = false;
  friend bool operator==(const SortKey&, const SortKey&) = default;
};

/// A place in an order of records, which need not be there (any more).
struct SortPosition {
  /// One per SortKey; null for a record that comes last.
  std::vector<MetadataValue> values;
  Offset offset = 0;
  friend bool operator==(const SortPosition&, const SortPosition&) = default;
};

}  // namespace viridian
