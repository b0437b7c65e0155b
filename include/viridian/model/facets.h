#pragma once
#include <cstdint>
#include <vector>

#include "viridian/model/metadata.h"

namespace viridian {

/// A value of a key, and how many records have it.
struct ValueCount {
  MetadataValue value;
  uint64_t records = 0;
  friend bool operator==(const ValueCount&, const ValueCount&) = default;
};

/// The values that records have of one metadata key. An element of an array counts as a value, once
/// per record; NaN is none. Numbers that are equal are one value, which is shown as an integer
/// where a record has it so.
struct Facet {
  /// The most frequent ones; of equally frequent ones the first in the order of SortKey.
  std::vector<ValueCount> values;
  uint64_t distinct = 0;  ///< values there are
  uint64_t records = 0;   ///< that have at least one
  uint64_t others = 0;    ///< sum of the counts of the values that `values` leaves out
  friend bool operator==(const Facet&, const Facet&) = default;
};

/// The first and the last value of one metadata key in the order of SortKey. Arrays do not count.
struct Extent {
  MetadataValue least;     ///< null: no record has a value
  MetadataValue greatest;  ///< the same
  uint64_t records = 0;    ///< that have a value
  friend bool operator==(const Extent&, const Extent&) = default;
};

}  // namespace viridian
