#include <algorithm>
#include <limits>

#include "segment/metadata_reader.h"
#include "segment/value_blocks.h"
#include "segment/value_merge.h"
#include "segment/value_order.h"

namespace viridian::segment {
namespace {

using inverted::Column;

/// Values, or rows that are read, between two looks at the caller's deadline.
constexpr uint64_t kCheckEvery = 1024;
/// Records of one value up to which a list of them is sorted; else they become a set.
constexpr uint64_t kMostListed = 4096;
/// Allowed records up to which their rows are always read, and beyond which they never are.
constexpr uint64_t kFew = 256, kMostRead = 65'536;

uint64_t sum(uint64_t a, uint64_t b) {
  return a > std::numeric_limits<uint64_t>::max() - b ? std::numeric_limits<uint64_t>::max()
                                                      : a + b;
}

/// Records in natural order.
struct Records {
  std::vector<Offset> few;
  OffsetSet many;

  uint64_t size() const noexcept { return few.size() + many.size(); }
  std::vector<Offset> slice(uint64_t skip, uint64_t limit) const {
    if (few.empty()) return many.slice(skip, limit);
    const uint64_t begin = std::min<uint64_t>(skip, few.size());
    const uint64_t end = begin + std::min<uint64_t>(limit, few.size() - begin);
    return {few.begin() + static_cast<ptrdiff_t>(begin), few.begin() + static_cast<ptrdiff_t>(end)};
  }
  /// How many are not after the offset.
  uint64_t up_to(Offset offset) const {
    return static_cast<uint64_t>(std::upper_bound(few.begin(), few.end(), offset) - few.begin()) +
           many.count(0, offset);
  }
};

Result<Records> records_of(const ValueGroup& group) {
  Records records;
  for (const ValueGroup::Slice& slice : group.slices) {
    VIRIDIAN_TRY(postings::RowSet rows, slice.rows());
    if (group.rows <= kMostListed)
      VIRIDIAN_TRY_VOID(slice.block->append_records(rows, records.few));
    else
      VIRIDIAN_TRY_VOID(slice.block->add_records(std::move(rows), records.many));
  }
  std::sort(records.few.begin(), records.few.end());
  return records;
}

/// Whether it takes less to read the allowed records' rows than to walk along all values until
/// enough of those are found that are allowed.
bool had_better_read(const OrderQuery& query, uint64_t all) {
  if (query.allowed == nullptr || query.allowed->size() > kMostRead) return false;
  const auto allowed = static_cast<double>(std::max<uint64_t>(query.allowed->size(), 1));
  const auto wanted = static_cast<double>(sum(query.skip, query.limit));
  const double values = std::min(1.0, wanted / allowed) * static_cast<double>(all);
  return allowed <= std::max(static_cast<double>(kFew), values);
}

}  // namespace

/// Goes along the values of the first key. The records of one value are put in order by their rows,
/// where other keys or ends of long texts count too; and whole groups of them are passed over where
/// they come before the page.
class PartsMetadataReader::OrderedWalk {
 public:
  OrderedWalk(const PartsMetadataReader& reader, const Context& context, const OrderQuery& query)
      : reader_(reader),
        context_(context),
        query_(query),
        order_(query.keys, *reader.keys_),
        skip_(query.skip) {
    if (query.after != nullptr) after_ = order_.place(*query.after);
  }

  Result<std::vector<Offset>> run() && {
    if (query_.limit == 0) return std::move(page_);
    const std::optional<uint32_t> key = reader_.keys_->find(query_.keys.front().key);
    std::vector<ValueBlock> blocks;
    if (key) {
      const bool few = had_better_read(query_, reader_.count_);
      VIRIDIAN_TRY(blocks,
                   few ? reader_.read_blocks(context_, std::span(&*key, 1), *query_.allowed)
                       : reader_.value_blocks(context_, std::span(&*key, 1), query_.allowed));
      VIRIDIAN_TRY_VOID(walk(blocks, *key));
    }
    if (page_.size() < query_.limit) VIRIDIAN_TRY_VOID(add_rest(blocks, key));
    return std::move(page_);
  }

 private:
  const RowValue* from() const {
    if (!after_ || after_->values.front().type == MetadataType::null) return nullptr;
    return &after_->values.front();
  }

  Status walk(std::span<const ValueBlock> blocks, uint32_t key) {
    if (after_ && from() == nullptr) return ok_status();
    ValueMerge::Options options;
    options.descending = query_.keys.front().descending;
    options.from = from();
    VIRIDIAN_TRY(ValueMerge values, ValueMerge::open(blocks, key, options));
    for (uint64_t i = 0; page_.size() < query_.limit; ++i) {
      if (i % kCheckEvery == 0) VIRIDIAN_TRY_VOID(context_.check());
      VIRIDIAN_TRY(const ValueGroup* group, values.next());
      if (group == nullptr) break;
      VIRIDIAN_TRY(const Records records, records_of(*group));
      const bool at_place = i == 0 && from() != nullptr &&
                            (!group->whole || compare_sortable(group->value, *from()) == 0);
      VIRIDIAN_TRY_VOID(add(records, group->whole, at_place));
    }
    return ok_status();
  }

  /// Those without a value of the first key.
  Status add_rest(std::span<const ValueBlock> blocks, std::optional<uint32_t> key) {
    OffsetSet rest;
    if (query_.allowed != nullptr) {
      rest = *query_.allowed;
    } else {
      VIRIDIAN_TRY(rest, reader_.all(context_));
    }
    if (key) {
      VIRIDIAN_TRY(const OffsetSet valued, reader_.with_value(context_, blocks, *key));
      rest.subtract(valued);
    }
    return add({{}, std::move(rest)}, true, after_ && from() == nullptr);
  }

  /// Adds records that the first key leaves equal, unless they are not `whole`. `at_place`: some of
  /// them may come before the place after which the page begins.
  Status add(const Records& records, bool whole, bool at_place) {
    const uint64_t room = query_.limit - page_.size();
    if (query_.keys.size() == 1 && whole) {
      const uint64_t before = at_place ? records.up_to(after_->offset) : 0;
      return append(records.slice(sum(before, skip_), room), records.size() - before);
    }
    if (!at_place && records.size() <= skip_) return append({}, records.size());
    if (whole && records.few.empty() && (!at_place || skip_ == 0))
      return add_by_other_keys(records.many, at_place);
    const uint64_t most = std::min(sum(skip_, room), records.size());
    RowFinder rows(reader_);
    FirstRecords first(order_, at_place ? &*after_ : nullptr, most);
    constexpr uint64_t kBatch = 4096;
    for (uint64_t done = 0; done < records.size(); done += kBatch) {
      VIRIDIAN_TRY_VOID(context_.check());
      for (const Offset offset : records.slice(done, kBatch)) {
        VIRIDIAN_TRY(const RowView row, rows.find(offset, RowPart::values));
        first.add(offset, row);
      }
    }
    const uint64_t after = first.size();
    return append(std::move(first).take(skip_), after);
  }

  /// Many records are put in order by walking along the values of the next key. How many there are
  /// after the place is not known then.
  Status add_by_other_keys(const OffsetSet& records, bool at_place) {
    OrderQuery others;
    others.keys = query_.keys.subspan(1);
    others.allowed = &records;
    others.skip = skip_;
    others.limit = query_.limit - page_.size();
    SortPosition after;
    if (at_place) {
      after.values.assign(query_.after->values.begin() + 1, query_.after->values.end());
      after.offset = query_.after->offset;
      others.after = &after;
    }
    VIRIDIAN_TRY(const std::vector<Offset> offsets, OrderedWalk(reader_, context_, others).run());
    return append(offsets, skip_);
  }

  /// `records`: how many there are after the place, of which those up to skip_ are left out
  /// already.
  Status append(const std::vector<Offset>& offsets, uint64_t records) {
    page_.insert(page_.end(), offsets.begin(), offsets.end());
    skip_ -= std::min(skip_, records);
    return ok_status();
  }

  const PartsMetadataReader& reader_;
  const Context& context_;
  const OrderQuery& query_;
  const RecordOrder order_;
  std::optional<RecordOrder::Place> after_;
  uint64_t skip_;
  std::vector<Offset> page_;
};

Result<std::vector<Offset>> PartsMetadataReader::order(const Context& context,
                                                       const OrderQuery& query) const {
  return OrderedWalk(*this, context, query).run();
}

Result<std::vector<ValueBlock>> PartsMetadataReader::value_blocks(const Context& context,
                                                                  std::span<const uint32_t> keys,
                                                                  const OffsetSet* allowed) const {
  std::vector<ValueBlock> blocks;
  ValueBlockBuilder others(keys);
  IndexChoice choice = choice_;
  const bool indexed_keys =
      std::ranges::all_of(keys, [&](uint32_t key) { return choice.whole_key(key); });
  for (const PinnedMetadata& pinned : parts_) {
    VIRIDIAN_TRY_VOID(context.check());
    uint32_t indexed = 0;
    // Held while it is read: a head's writer puts others in its place.
    const auto indexed_blocks = pinned.part->blocks();
    for (const RowBlock& block : *indexed_blocks) {
      if (block.first_row >= pinned.limit || !indexed_keys) break;
      VIRIDIAN_TRY(ValueBlock one, ValueBlock::of(pinned, block, at_, allowed));
      blocks.push_back(std::move(one));
      indexed = block.end();
    }
    const auto reader = pinned.part->reader();
    for (const RowSpan& block : spans_from(pinned, indexed)) {
      VIRIDIAN_TRY_VOID(context.check());
      std::vector<VisibleRow> rows;
      VIRIDIAN_TRY_VOID(pinned.part->rows().visible(block.begin, block.end, at_, rows));
      for (const VisibleRow& visible : rows) {
        if (allowed != nullptr && !allowed->contains(visible.offset)) continue;
        VIRIDIAN_TRY(const RowView row, reader->read(visible.row, RowPart::values));
        VIRIDIAN_TRY_VOID(others.add(visible.offset, row));
      }
    }
  }
  VIRIDIAN_TRY(std::vector<ValueBlock> read, std::move(others).finish());
  std::move(read.begin(), read.end(), std::back_inserter(blocks));
  return blocks;
}

Result<std::vector<ValueBlock>> PartsMetadataReader::read_blocks(const Context& context,
                                                                 std::span<const uint32_t> keys,
                                                                 const OffsetSet& allowed) const {
  ValueBlockBuilder builder(keys);
  RowFinder rows(*this);
  const std::vector<Offset> offsets = allowed.slice(0, allowed.size());
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (i % kCheckEvery == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const RowView row, rows.find(offsets[i], RowPart::values));
    VIRIDIAN_TRY_VOID(builder.add(offsets[i], row));
  }
  return std::move(builder).finish();
}

Result<OffsetSet> PartsMetadataReader::with_value(const Context& context,
                                                  std::span<const ValueBlock> blocks,
                                                  uint32_t key) const {
  OffsetSet records;
  for (const ValueBlock& block : blocks) {
    VIRIDIAN_TRY_VOID(context.check());
    auto rows = std::make_unique<postings::RowBits>();
    for (const MetadataType type : {MetadataType::boolean, MetadataType::integer,
                                    MetadataType::floating, MetadataType::string}) {
      VIRIDIAN_TRY(const std::optional<Column> column, block.columns().find(key, type));
      if (column) VIRIDIAN_TRY_VOID(column->add_rows({0, column->values()}, *rows));
    }
    VIRIDIAN_TRY_VOID(block.add_records(postings::RowSet::of(std::move(rows)), records));
  }
  return records;
}

}  // namespace viridian::segment
