#pragma once
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "segment/key_dictionary.h"
#include "segment/metadata_row.h"
#include "viridian/model/sorting.h"

namespace viridian::segment {

/// Whether a SortKey can place it: a boolean, a number or a text.
bool is_sortable(const RowValue& value) noexcept;
/// How two sortable values stand in the order of SortKey.
std::weak_ordering compare_sortable(const RowValue& a, const RowValue& b) noexcept;
/// The same for a value that lies elsewhere, which must outlive what is given.
RowValue to_row_value(const MetadataValue& value) noexcept;

/// The order that some SortKeys make, for the rows of one segment.
class RecordOrder {
 public:
  RecordOrder(std::span<const SortKey> keys, const KeyDictionary& dictionary);

  /// What a record is ordered by.
  struct Place {
    std::vector<RowValue> values;  ///< one per key; null where it has none that is sortable
    Offset offset = 0;
  };
  Place place(Offset offset, const RowView& row) const;
  /// Refers to the position's texts.
  Place place(const SortPosition& position) const;
  bool before(const Place& a, const Place& b) const noexcept;

 private:
  struct Key {
    std::optional<uint32_t> key;  ///< unset: no row has it
    bool descending;
  };
  std::vector<Key> keys_;
};

/// The first records of an order, of those that it is shown. Memory: that of so many.
class FirstRecords {
 public:
  /// `after`: null, or the place that they must come after. All outlive it.
  FirstRecords(const RecordOrder& order, const RecordOrder::Place* after, uint64_t most)
      : order_(order), after_(after), most_(most) {}

  void add(Offset offset, const RowView& row);
  /// Of those it was shown, how many come after the place.
  uint64_t size() const noexcept { return size_; }
  /// Those kept, in order, from position `skip` on.
  std::vector<Offset> take(uint64_t skip) &&;

 private:
  struct Kept {
    RecordOrder::Place place;
    std::unique_ptr<const std::string> texts;  ///< to which the place refers
  };
  static Kept keep(RecordOrder::Place place);

  const RecordOrder& order_;
  const RecordOrder::Place* after_;
  uint64_t most_;
  uint64_t size_ = 0;
  std::vector<Kept> kept_;  ///< a heap: the last one in front
};

}  // namespace viridian::segment
