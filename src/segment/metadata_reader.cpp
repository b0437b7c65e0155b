#include "segment/metadata_reader.h"

#include <algorithm>

#include "segment/block_plan.h"
#include "segment/filter.h"

namespace viridian::segment {
namespace {

/// Rows between two looks at the caller's deadline, and the unit of parallel work.
constexpr uint32_t kBlockRows = 4096;
/// The same where a row may take long, such as a pattern on a document.
constexpr uint32_t kCheckedRows = 256;
/// Nanoseconds of work that are worth waking other threads for.
constexpr double kWorthSharing = 200'000;

/// Looks at all rows.
Status filter_rows(const PinnedMetadata& pinned, uint32_t begin, uint32_t end, SeqId at,
                   const Filter& filter, OffsetSet& out) {
  std::vector<VisibleRow> rows;
  VIRIDIAN_TRY_VOID(pinned.part->rows().visible(begin, end, at, rows));
  for (const VisibleRow& visible : rows) {
    VIRIDIAN_TRY(const RowView row, pinned.part->row(visible.row));
    if (filter.matches(row)) out.insert(visible.offset);
  }
  return ok_status();
}

/// Those rows of a block that a filter is to find.
class BlockSearch {
 public:
  static Result<BlockSearch> plan(const PinnedMetadata& pinned, const RowBlock& block,
                                  const Filter& filter) {
    VIRIDIAN_TRY(BlockIndex opened, BlockIndex::open(block));
    auto index = std::make_unique<const BlockIndex>(std::move(opened));
    VIRIDIAN_TRY(BlockPlan plan, BlockPlan::make(filter.root(), *index));
    return BlockSearch(pinned, block, std::move(index), std::move(plan));
  }

  double cost() const noexcept { return plan_.cost(); }
  bool empty() const noexcept { return plan_.at_most() == 0; }
  Status run(const Context& context, SeqId at, OffsetSet& out) const {
    const uint32_t first = block_.first_row;
    uint32_t looked_at = 0;
    const auto row = [&](postings::Row i) -> Result<RowView> {
      if (++looked_at % kCheckedRows == 0) VIRIDIAN_TRY_VOID(context.check());
      return pinned_->part->row(first + i);
    };
    VIRIDIAN_TRY(postings::RowSet found, plan_.run(row));
    return pinned_->part->rows().add_visible(first, std::move(found), pinned_->limit, at, out);
  }

 private:
  BlockSearch(const PinnedMetadata& pinned, RowBlock block, std::unique_ptr<const BlockIndex> index,
              BlockPlan plan)
      : pinned_(&pinned),
        block_(std::move(block)),
        index_(std::move(index)),
        plan_(std::move(plan)) {}

  const PinnedMetadata* pinned_;
  RowBlock block_;
  std::unique_ptr<const BlockIndex> index_;  ///< where it is, the plan refers to it
  BlockPlan plan_;
};

}  // namespace

PartsMetadataReader::PartsMetadataReader(std::vector<PinnedMetadata> parts,
                                         std::shared_ptr<const KeyDictionary> keys, SeqId at,
                                         uint64_t count, Executor& executor)
    : parts_(std::move(parts)),
      keys_(std::move(keys)),
      at_(at),
      count_(count),
      executor_(executor) {}

void PartsMetadataReader::add_blocks(const PinnedMetadata& pinned, uint32_t begin,
                                     std::vector<Block>& out) {
  for (; begin < pinned.limit; begin += std::min(kBlockRows, pinned.limit - begin))
    out.push_back({&pinned, begin, begin + std::min(kBlockRows, pinned.limit - begin)});
}

Result<OffsetSet> PartsMetadataReader::all(const Context& context) const {
  OffsetSet offsets;
  for (const PinnedMetadata& pinned : parts_) {
    for (uint64_t first = 0; first < pinned.limit; first += postings::kBlockRows) {
      VIRIDIAN_TRY_VOID(context.check());
      const auto begin = static_cast<uint32_t>(first);
      const uint32_t rows = std::min(postings::kBlockRows, pinned.limit - begin);
      VIRIDIAN_TRY_VOID(pinned.part->rows().add_visible(begin, postings::RowSet::first(rows),
                                                        pinned.limit, at_, offsets));
    }
  }
  return offsets;
}

Result<OffsetSet> PartsMetadataReader::filter(const Context& context, const Where& where) const {
  VIRIDIAN_TRY(const Filter filter, Filter::compile(where, *keys_));
  std::vector<BlockSearch> searches;
  std::vector<Block> rest;
  double cost = 0;
  for (const PinnedMetadata& pinned : parts_) {
    uint32_t indexed = 0;
    for (const RowBlock& block : *pinned.part->blocks()) {
      if (block.first_row >= pinned.limit) break;
      VIRIDIAN_TRY_VOID(context.check());
      VIRIDIAN_TRY(BlockSearch search, BlockSearch::plan(pinned, block, filter));
      indexed = block.end();
      if (search.empty()) continue;
      cost += search.cost();
      searches.push_back(std::move(search));
    }
    add_blocks(pinned, indexed, rest);
  }
  const size_t tasks = searches.size() + rest.size();
  std::vector<OffsetSet> found(tasks);
  std::vector<Status> outcomes(tasks);
  const auto run = [&](size_t i) {
    outcomes[i] = context.check();
    if (!outcomes[i].ok()) return;
    if (i < searches.size()) {
      outcomes[i] = searches[i].run(context, at_, found[i]);
    } else {
      const Block& block = rest[i - searches.size()];
      outcomes[i] = filter_rows(*block.pinned, block.begin, block.end, at_, filter, found[i]);
    }
  };
  if (tasks > 1 && (rest.size() > 1 || cost > kWorthSharing))
    executor_.parallel_for(tasks, run);
  else
    for (size_t i = 0; i < tasks; ++i) run(i);
  OffsetSet offsets;
  for (size_t i = 0; i < tasks; ++i) {
    VIRIDIAN_TRY_VOID(outcomes[i]);
    offsets.unite(found[i]);
  }
  return offsets;
}

Result<OffsetSet> PartsMetadataReader::find(const Context& context, const StringColumn& ids) const {
  OffsetSet offsets;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i % kBlockRows == 0) VIRIDIAN_TRY_VOID(context.check());
    const RowId id(ids[i]);
    const uint64_t hash = id.hash();
    for (auto pinned = parts_.rbegin(); pinned != parts_.rend(); ++pinned) {
      VIRIDIAN_TRY(const std::optional<VisibleRow> row,
                   pinned->part->find_id(id, hash, pinned->limit, at_));
      if (!row) continue;
      offsets.insert(row->offset);
      break;
    }
  }
  return offsets;
}

Result<RowView> PartsMetadataReader::row_of(Offset offset) const {
  for (auto pinned = parts_.rbegin(); pinned != parts_.rend(); ++pinned) {
    VIRIDIAN_TRY(const std::optional<uint32_t> row,
                 pinned->part->rows().find(offset, pinned->limit, at_));
    if (row) return pinned->part->row(*row);
  }
  return Error(Code::internal, "no live record has offset " + std::to_string(offset) +
                                   " as of record " + std::to_string(at_));
}

Status PartsMetadataReader::fetch(const Context& context, std::span<const Offset> offsets,
                                  const Columns& columns, RecordColumns& out) const {
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (i % kBlockRows == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const RowView row, row_of(offsets[i]));
    row.append_id(out.ids);
    if (columns.documents) out.documents.push_back(row.document());
    if (columns.uris) out.uris.push_back(row.uri());
    if (columns.metadata) out.metadatas.push_back(row.metadata(*keys_));
  }
  return ok_status();
}

}  // namespace viridian::segment
