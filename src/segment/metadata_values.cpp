#include <algorithm>
#include <bit>
#include <map>
#include <string>

#include "segment/metadata_reader.h"
#include "segment/value_blocks.h"
#include "segment/value_merge.h"
#include "segment/value_order.h"

namespace viridian::segment {
namespace {

using inverted::Column;
using postings::RowBits;
using postings::RowSet;

/// Values between two looks at the caller's deadline.
constexpr uint64_t kCheckEvery = 1024;
/// Allowed records up to which their rows are read instead of all values.
constexpr uint64_t kMostRead = 65'536, kReadShare = 8;
/// Of extents, which walk along few values unless few records are allowed.
constexpr uint64_t kMostReadForExtents = 4096;
/// Of texts that begin alike and are told apart at once.
constexpr size_t kMostTextBytes = size_t{64} << 20;

constexpr MetadataType kTypes[] = {
    MetadataType::boolean,  MetadataType::integer,  MetadataType::floating,  MetadataType::string,
    MetadataType::booleans, MetadataType::integers, MetadataType::floatings, MetadataType::strings};

bool is_whole_number(const Column& column) {
  return column.type() == MetadataType::integer || column.type() == MetadataType::integers;
}

/// The most frequent values, of those that come in their order.
class MostFrequent {
 public:
  explicit MostFrequent(uint32_t most) : most_(most) {}

  void add(const RowValue& value, uint64_t records) {
    ++facet_.distinct;
    counted_ += records;
    if (kept_.size() == most_) {
      // Of equally frequent ones, those stay that came before.
      if (most_ == 0 || kept_.front().counted.records >= records) return;
      std::pop_heap(kept_.begin(), kept_.end(), better);
      kept_.pop_back();
    }
    kept_.push_back({{to_metadata_value(value), records}, facet_.distinct});
    std::push_heap(kept_.begin(), kept_.end(), better);
  }

  Facet take(uint64_t records) && {
    std::sort(kept_.begin(), kept_.end(), better);
    facet_.records = records;
    facet_.others = counted_;
    for (Kept& kept : kept_) {
      facet_.others -= kept.counted.records;
      facet_.values.push_back(std::move(kept.counted));
    }
    return std::move(facet_);
  }

 private:
  struct Kept {
    ValueCount counted;
    uint64_t place;  ///< in the order of values
  };
  static bool better(const Kept& a, const Kept& b) {
    if (a.counted.records != b.counted.records) return a.counted.records > b.counted.records;
    return a.place < b.place;
  }

  const uint32_t most_;
  Facet facet_;
  uint64_t counted_ = 0;
  std::vector<Kept> kept_;  ///< a heap: the worst one in front
};

/// Texts that are too long for columns, which keep their beginnings, and how many records have
/// them.
class LongTexts {
 public:
  LongTexts(uint32_t key, std::string_view beginning) : key_(key), beginning_(beginning) {}

  Status add(const RowView& row) {
    const std::optional<RowValue> value = row.find(key_);
    if (!value) return ok_status();
    // Elements of one record count once.
    std::map<std::string_view, bool> texts;
    const auto note = [&](std::string_view text) {
      if (text.starts_with(beginning_)) texts.emplace(text, true);
      return true;
    };
    if (value->type == MetadataType::string) note(value->bytes);
    if (value->type == MetadataType::strings) for_each_string(value->bytes, note);
    for (const auto& [text, yes] : texts) {
      const auto at = counts_.find(text);
      if (at != counts_.end()) {
        ++at->second;
        continue;
      }
      bytes_ += text.size();
      if (bytes_ > kMostTextBytes)
        return Error(Code::resource_exhausted,
                     "more than " + std::to_string(kMostTextBytes) +
                         " bytes of different texts begin with the same " +
                         std::to_string(beginning_.size()) +
                         " bytes: too many to count, so select fewer records by a filter");
      counts_.emplace(text, 1);
    }
    return ok_status();
  }
  const std::map<std::string, uint64_t, std::less<>>& counts() const noexcept { return counts_; }

 private:
  uint32_t key_;
  std::string_view beginning_;
  std::map<std::string, uint64_t, std::less<>> counts_;
  size_t bytes_ = 0;
};

/// Records of the block that have a value of the key.
Result<uint32_t> count_records(const ValueBlock& block, uint32_t key) {
  auto rows = std::make_unique<RowBits>();
  for (const MetadataType type : kTypes) {
    VIRIDIAN_TRY(const std::optional<Column> column, block.columns().find(key, type));
    if (column) VIRIDIAN_TRY_VOID(column->add_rows({0, column->values()}, *rows));
  }
  return block.count(RowSet::of(std::move(rows)));
}

/// A group's value as it is shown: equal numbers as an integer where a record has one.
RowValue shown(const RowValue& value, bool whole_number) {
  if (value.type == MetadataType::integer && !whole_number) {
    const auto number = static_cast<double>(std::bit_cast<int64_t>(value.scalar));
    return {MetadataType::floating, std::bit_cast<uint64_t>(number), {}};
  }
  if (value.type == MetadataType::floating && whole_number) {
    const auto number = static_cast<int64_t>(std::bit_cast<double>(value.scalar));
    return {MetadataType::integer, std::bit_cast<uint64_t>(number), {}};
  }
  return value;
}

struct Counted {
  RowValue value;
  uint64_t records = 0;
};

/// A whole value's records, in blocks that were looked at.
Result<Counted> count_whole(const ValueGroup& group) {
  uint64_t records = 0;
  bool whole_number = false;
  for (const ValueGroup::Slice& slice : group.slices) {
    VIRIDIAN_TRY(const RowSet rows, slice.rows());
    const uint32_t found = slice.block->count(rows);
    records += found;
    whole_number = whole_number || (found > 0 && is_whole_number(*slice.column));
  }
  return Counted{shown(group.value, whole_number), records};
}

/// A whole value, if a record has it that may be seen; else null.
Result<MetadataValue> find_whole(const ValueGroup& group) {
  bool found = false;
  for (const ValueGroup::Slice& slice : group.slices) {
    const bool whole_number = is_whole_number(*slice.column);
    if (found && !whole_number) continue;
    std::vector<Offset> records;
    VIRIDIAN_TRY(const RowSet rows, slice.rows());
    VIRIDIAN_TRY_VOID(slice.block->append_records(rows, records));
    if (records.empty()) continue;
    if (whole_number) return to_metadata_value(shown(group.value, true));
    found = true;
  }
  return found ? to_metadata_value(shown(group.value, false)) : MetadataValue();
}

Result<std::vector<Offset>> records_of(const ValueGroup& group) {
  std::vector<Offset> records;
  for (const ValueGroup::Slice& slice : group.slices) {
    VIRIDIAN_TRY(const RowSet rows, slice.rows());
    VIRIDIAN_TRY_VOID(slice.block->append_records(rows, records));
  }
  return records;
}

}  // namespace

Result<Facet> PartsMetadataReader::facet(const Context& context, std::span<const ValueBlock> blocks,
                                         uint32_t key, uint32_t limit) const {
  VIRIDIAN_TRY(ValueMerge values, ValueMerge::open(blocks, key, {Elements::included}));
  MostFrequent frequent(limit);
  for (uint64_t i = 0;; ++i) {
    if (i % kCheckEvery == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const ValueGroup* group, values.next());
    if (group == nullptr) break;
    if (group->whole) {
      VIRIDIAN_TRY(const Counted counted, count_whole(*group));
      if (counted.records > 0) frequent.add(counted.value, counted.records);
      continue;
    }
    LongTexts texts(key, group->value.bytes);
    RowFinder rows(*this);
    VIRIDIAN_TRY(const std::vector<Offset> records, records_of(*group));
    for (size_t at = 0; at < records.size(); ++at) {
      if (at % kCheckEvery == 0) VIRIDIAN_TRY_VOID(context.check());
      VIRIDIAN_TRY(const RowView row, rows.find(records[at], RowPart::values));
      VIRIDIAN_TRY_VOID(texts.add(row));
    }
    for (const auto& [text, count] : texts.counts())
      frequent.add({MetadataType::string, 0, text}, count);
  }
  uint64_t records = 0;
  for (const ValueBlock& block : blocks) {
    VIRIDIAN_TRY(const uint32_t found, count_records(block, key));
    records += found;
  }
  return std::move(frequent).take(records);
}

Result<std::vector<Facet>> PartsMetadataReader::facets(const Context& context,
                                                       std::span<const std::string> keys,
                                                       const OffsetSet* allowed,
                                                       uint32_t limit) const {
  std::vector<Facet> facets(keys.size());
  std::vector<uint32_t> known;
  for (const std::string& name : keys)
    if (const auto key = keys_->find(name)) known.push_back(*key);
  if (known.empty()) return facets;
  const bool few =
      allowed != nullptr && allowed->size() <= kMostRead && allowed->size() <= count_ / kReadShare;
  VIRIDIAN_TRY(std::vector<ValueBlock> blocks,
               few ? read_blocks(context, known, *allowed) : value_blocks(context, known, allowed));
  for (ValueBlock& block : blocks) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(block.look());
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::optional<uint32_t> key = keys_->find(keys[i]);
    if (!key) continue;
    VIRIDIAN_TRY(facets[i], facet(context, blocks, *key, limit));
  }
  return facets;
}

Result<MetadataValue> PartsMetadataReader::end_value(const Context& context,
                                                     std::span<const ValueBlock> blocks,
                                                     uint32_t key, bool descending) const {
  VIRIDIAN_TRY(ValueMerge values, ValueMerge::open(blocks, key, {Elements::left_out, descending}));
  for (uint64_t i = 0;; ++i) {
    if (i % kCheckEvery == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const ValueGroup* group, values.next());
    if (group == nullptr) return MetadataValue();
    MetadataValue end;
    if (group->whole) {
      VIRIDIAN_TRY(end, find_whole(*group));
    } else {
      VIRIDIAN_TRY(end, end_text(context, *group, key, descending));
    }
    if (type_of(end) != MetadataType::null) return end;
  }
}

Result<MetadataValue> PartsMetadataReader::end_text(const Context& context, const ValueGroup& group,
                                                    uint32_t key, bool descending) const {
  std::optional<std::string> end;
  RowFinder rows(*this);
  VIRIDIAN_TRY(const std::vector<Offset> records, records_of(group));
  for (size_t at = 0; at < records.size(); ++at) {
    if (at % kCheckEvery == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const RowView row, rows.find(records[at], RowPart::values));
    const std::optional<RowValue> value = row.find(key);
    if (!value || value->type != MetadataType::string) continue;
    if (!end || (descending ? value->bytes > *end : value->bytes < *end)) end = value->bytes;
  }
  return end ? MetadataValue(*std::move(end)) : MetadataValue();
}

Result<std::vector<Extent>> PartsMetadataReader::extents(const Context& context,
                                                         std::span<const std::string> keys,
                                                         const OffsetSet* allowed) const {
  std::vector<Extent> extents(keys.size());
  std::vector<uint32_t> known;
  for (const std::string& name : keys)
    if (const auto key = keys_->find(name)) known.push_back(*key);
  if (known.empty()) return extents;
  const bool few = allowed != nullptr && allowed->size() <= kMostReadForExtents;
  VIRIDIAN_TRY(const std::vector<ValueBlock> blocks,
               few ? read_blocks(context, known, *allowed) : value_blocks(context, known, allowed));
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::optional<uint32_t> key = keys_->find(keys[i]);
    if (!key) continue;
    VIRIDIAN_TRY(extents[i].least, end_value(context, blocks, *key, false));
    VIRIDIAN_TRY(extents[i].greatest, end_value(context, blocks, *key, true));
    VIRIDIAN_TRY(const OffsetSet valued, with_value(context, blocks, *key));
    extents[i].records = valued.size();
  }
  return extents;
}

}  // namespace viridian::segment
