#include "segment/value_order.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "segment/filter.h"

namespace viridian::segment {
namespace {

double floating(const RowValue& value) { return std::bit_cast<double>(value.scalar); }
int64_t integer(const RowValue& value) { return std::bit_cast<int64_t>(value.scalar); }

/// Values of different families stand by these.
int family(MetadataType type) {
  if (type == MetadataType::boolean) return 0;
  return type == MetadataType::string ? 2 : 1;
}

/// Of numbers that are not NaN.
std::weak_ordering weak(std::partial_ordering order) {
  if (order < 0) return std::weak_ordering::less;
  return order > 0 ? std::weak_ordering::greater : std::weak_ordering::equivalent;
}

std::weak_ordering compare_any_numbers(const RowValue& a, const RowValue& b) {
  const bool a_whole = a.type == MetadataType::integer, b_whole = b.type == MetadataType::integer;
  if (a_whole && b_whole) return integer(a) <=> integer(b);
  if (a_whole) return weak(compare_numbers(integer(a), floating(b)));
  if (b_whole) return weak(0 <=> compare_numbers(integer(b), floating(a)));
  return weak(floating(a) <=> floating(b));
}

}  // namespace

bool is_sortable(const RowValue& value) noexcept {
  switch (value.type) {
    case MetadataType::boolean:
    case MetadataType::integer:
    case MetadataType::string:
      return true;
    case MetadataType::floating:
      return !std::isnan(floating(value));
    default:
      return false;
  }
}

std::weak_ordering compare_sortable(const RowValue& a, const RowValue& b) noexcept {
  const int a_family = family(a.type), b_family = family(b.type);
  if (a_family != b_family) return a_family <=> b_family;
  if (a_family == 0) return int{a.scalar != 0} <=> int{b.scalar != 0};
  if (a_family == 1) return compare_any_numbers(a, b);
  return a.bytes <=> b.bytes;
}

RowValue to_row_value(const MetadataValue& value) noexcept {
  RowValue row;
  row.type = type_of(value);
  if (const bool* flag = std::get_if<bool>(&value)) row.scalar = *flag ? 1 : 0;
  if (const int64_t* whole = std::get_if<int64_t>(&value))
    row.scalar = std::bit_cast<uint64_t>(*whole);
  if (const double* number = std::get_if<double>(&value))
    row.scalar = std::bit_cast<uint64_t>(*number);
  if (const std::string* text = std::get_if<std::string>(&value)) row.bytes = *text;
  return row;
}

RecordOrder::RecordOrder(std::span<const SortKey> keys, const KeyDictionary& dictionary) {
  for (const SortKey& key : keys) keys_.push_back({dictionary.find(key.key), key.descending});
}

RecordOrder::Place RecordOrder::place(Offset offset, const RowView& row) const {
  Place place;
  place.offset = offset;
  for (const Key& key : keys_) {
    const std::optional<RowValue> value = key.key ? row.find(*key.key) : std::nullopt;
    place.values.push_back(value && is_sortable(*value) ? *value : RowValue());
  }
  return place;
}

RecordOrder::Place RecordOrder::place(const SortPosition& position) const {
  Place place;
  place.offset = position.offset;
  for (const MetadataValue& value : position.values) {
    const RowValue row = to_row_value(value);
    place.values.push_back(is_sortable(row) ? row : RowValue());
  }
  place.values.resize(keys_.size());
  return place;
}

bool RecordOrder::before(const Place& a, const Place& b) const noexcept {
  for (size_t i = 0; i < keys_.size(); ++i) {
    const bool a_last = a.values[i].type == MetadataType::null;
    const bool b_last = b.values[i].type == MetadataType::null;
    if (a_last != b_last) return b_last;
    if (a_last) continue;
    const std::weak_ordering order = compare_sortable(a.values[i], b.values[i]);
    if (order != 0) return keys_[i].descending ? order > 0 : order < 0;
  }
  return a.offset < b.offset;
}

FirstRecords::Kept FirstRecords::keep(RecordOrder::Place place) {
  std::string texts;
  for (const RowValue& value : place.values) texts += value.bytes;
  Kept kept{std::move(place), std::make_unique<const std::string>(std::move(texts))};
  std::string_view left = *kept.texts;
  for (RowValue& value : kept.place.values) {
    value.bytes = left.substr(0, value.bytes.size());
    left.remove_prefix(value.bytes.size());
  }
  return kept;
}

void FirstRecords::add(Offset offset, const RowView& row) {
  const auto before = [this](const Kept& a, const Kept& b) {
    return order_.before(a.place, b.place);
  };
  RecordOrder::Place place = order_.place(offset, row);
  if (after_ != nullptr && !order_.before(*after_, place)) return;
  ++size_;
  if (most_ == 0) return;
  if (kept_.size() == most_) {
    if (!order_.before(place, kept_.front().place)) return;
    std::pop_heap(kept_.begin(), kept_.end(), before);
    kept_.pop_back();
  }
  kept_.push_back(keep(std::move(place)));
  std::push_heap(kept_.begin(), kept_.end(), before);
}

std::vector<Offset> FirstRecords::take(uint64_t skip) && {
  std::sort(kept_.begin(), kept_.end(),
            [this](const Kept& a, const Kept& b) { return order_.before(a.place, b.place); });
  std::vector<Offset> offsets;
  for (uint64_t i = skip; i < kept_.size(); ++i) offsets.push_back(kept_[i].place.offset);
  return offsets;
}

}  // namespace viridian::segment
