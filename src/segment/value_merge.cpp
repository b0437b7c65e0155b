#include "segment/value_merge.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "inverted/column_format.h"
#include "inverted/order.h"
#include "segment/value_order.h"

namespace viridian::segment {
namespace {

using inverted::Column;
using inverted::kTextPrefix;

constexpr MetadataType kScalars[] = {MetadataType::boolean, MetadataType::integer,
                                     MetadataType::floating, MetadataType::string};
constexpr MetadataType kArrays[] = {MetadataType::booleans, MetadataType::integers,
                                    MetadataType::floatings, MetadataType::strings};

/// Value i of a column, as a row's scalar.
Result<RowValue> value_of(const Column& column, uint32_t i) {
  if (column.is_text()) {
    VIRIDIAN_TRY(const std::string_view text, column.text(i));
    return RowValue{MetadataType::string, 0, text};
  }
  VIRIDIAN_TRY(const uint64_t order, column.number(i));
  switch (column.type()) {
    case MetadataType::integer:
    case MetadataType::integers:
      return RowValue{
          MetadataType::integer, std::bit_cast<uint64_t>(inverted::integer_of(order)), {}};
    case MetadataType::floating:
    case MetadataType::floatings:
      return RowValue{
          MetadataType::floating, std::bit_cast<uint64_t>(inverted::floating_of(order)), {}};
    default:
      return RowValue{MetadataType::boolean, order, {}};
  }
}

/// How many of the column's values come before `limit`, or up to it where `limit` counts as well.
Result<uint32_t> values_before(const Column& column, const RowValue& limit, bool limit_too) {
  uint32_t low = 0, high = column.values();
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    VIRIDIAN_TRY(const RowValue value, value_of(column, middle));
    const std::weak_ordering order = compare_sortable(value, limit);
    if (order < 0 || (limit_too && order == 0))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

}  // namespace

Result<ValueMerge> ValueMerge::open(std::span<const ValueBlock> blocks, uint32_t key,
                                    const Options& options) {
  ValueMerge merge(options.descending);
  RowValue from;
  if (options.from != nullptr) {
    from = *options.from;
    from.bytes = from.bytes.substr(0, kTextPrefix);
  }
  const auto add = [&](const ValueBlock& block, std::span<const MetadataType> types) -> Status {
    for (const MetadataType type : types) {
      VIRIDIAN_TRY(const std::optional<Column> column, block.columns().find(key, type));
      if (column)
        VIRIDIAN_TRY_VOID(merge.add(block, *column, options.from != nullptr ? &from : nullptr));
    }
    return ok_status();
  };
  for (const ValueBlock& block : blocks) {
    VIRIDIAN_TRY_VOID(add(block, kScalars));
    if (options.elements == Elements::included) VIRIDIAN_TRY_VOID(add(block, kArrays));
  }
  for (uint32_t run = 0; run < merge.runs_.size(); ++run) merge.push(run);
  return merge;
}

Status ValueMerge::add(const ValueBlock& block, const Column& column, const RowValue* from) {
  Run run{&block, column, 0, column.values(), {}};
  if (from != nullptr) {
    VIRIDIAN_TRY(const uint32_t end, values_before(column, *from, descending_));
    (descending_ ? run.last : run.first) = end;
  }
  if (run.first == run.last) return ok_status();
  VIRIDIAN_TRY_VOID(read(run));
  runs_.push_back(run);
  return ok_status();
}

Status ValueMerge::read(Run& run) const {
  VIRIDIAN_TRY(run.value, value_of(run.column, at(run)));
  return ok_status();
}

bool ValueMerge::later(uint32_t a, uint32_t b) const noexcept {
  const std::weak_ordering order = compare_sortable(runs_[a].value, runs_[b].value);
  if (order == 0) return a > b;
  return descending_ ? order < 0 : order > 0;
}

void ValueMerge::push(uint32_t run) {
  heap_.push_back(run);
  std::push_heap(heap_.begin(), heap_.end(),
                 [this](uint32_t a, uint32_t b) { return later(a, b); });
}

uint32_t ValueMerge::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), [this](uint32_t a, uint32_t b) { return later(a, b); });
  const uint32_t run = heap_.back();
  heap_.pop_back();
  return run;
}

Result<const ValueGroup*> ValueMerge::next() {
  for (const uint32_t number : current_) {
    Run& run = runs_[number];
    if (descending_)
      --run.last;
    else
      ++run.first;
    if (run.first == run.last) continue;
    VIRIDIAN_TRY_VOID(read(run));
    push(number);
  }
  current_.clear();
  if (heap_.empty()) return nullptr;
  group_.slices.clear();
  group_.rows = 0;
  do {
    const uint32_t number = pop();
    const Run& run = runs_[number];
    current_.push_back(number);
    group_.slices.push_back({run.block, &run.column, at(run)});
    VIRIDIAN_TRY(const uint32_t rows, run.column.count({at(run), at(run) + 1}));
    group_.rows += rows;
  } while (!heap_.empty() &&
           compare_sortable(runs_[heap_.front()].value, runs_[current_.front()].value) == 0);
  group_.value = runs_[current_.front()].value;
  group_.whole = group_.value.bytes.size() < kTextPrefix;
  return &group_;
}

}  // namespace viridian::segment
