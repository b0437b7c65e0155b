#include "segment/metadata_reader.h"

#include <algorithm>
#include <limits>

#include "segment/filter.h"
#include "segment/filter_run.h"

namespace viridian::segment {
namespace {

/// Ids or records between two looks at the caller's deadline.
constexpr uint32_t kBlockRows = 4096;

}  // namespace

PartsMetadataReader::PartsMetadataReader(std::vector<PinnedMetadata> parts,
                                         std::shared_ptr<const KeyDictionary> keys,
                                         IndexChoice choice, SeqId at, uint64_t count,
                                         Executor& executor)
    : parts_(std::move(parts)),
      keys_(std::move(keys)),
      choice_(std::move(choice)),
      at_(at),
      count_(count),
      executor_(executor) {}

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
  return filter_page(context, where, 0, std::numeric_limits<uint64_t>::max());
}

Result<OffsetSet> PartsMetadataReader::filter_page(const Context& context, const Where& where,
                                                   Offset from, uint64_t count) const {
  VIRIDIAN_TRY(const Filter filter, Filter::compile(where, *keys_, choice_));
  FilterRun run(context, where, filter, at_, executor_);
  VIRIDIAN_TRY_VOID(run.add(parts_, from));
  return run.first(from, count);
}

Result<Candidates> PartsMetadataReader::candidates(const Context& context,
                                                   const Where& where) const {
  VIRIDIAN_TRY(const Filter filter, Filter::compile(where, *keys_, choice_));
  FilterRun run(context, where, filter, at_, executor_);
  VIRIDIAN_TRY_VOID(run.add(parts_, 0));
  return run.candidates();
}

Result<OffsetSet> PartsMetadataReader::satisfying(const Context& context, const Where& where,
                                                  std::span<const Offset> offsets) const {
  VIRIDIAN_TRY(const Filter filter, Filter::compile(where, *keys_, choice_));
  RowFinder rows(*this);
  OffsetSet found;
  for (const Offset offset : offsets) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const RowView row, rows.find(offset, filter.root().needs));
    if (filter.matches(row)) found.insert(offset);
  }
  return found;
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

Result<RowView> PartsMetadataReader::RowFinder::find(Offset offset, RowPart part) {
  for (size_t i = readers_.size(); i-- > 0;) {
    const PinnedMetadata& pinned = segment_.parts_[i];
    VIRIDIAN_TRY(const std::optional<uint32_t> row,
                 pinned.part->rows().find(offset, pinned.limit, segment_.at_));
    if (!row) continue;
    if (!readers_[i]) readers_[i] = pinned.part->reader();
    return readers_[i]->read(*row, part);
  }
  return Error(Code::internal, "no live record has offset " + std::to_string(offset) +
                                   " as of record " + std::to_string(segment_.at_));
}

Status PartsMetadataReader::fetch(const Context& context, std::span<const Offset> offsets,
                                  const Columns& columns, RecordColumns& out) const {
  RowFinder rows(*this);
  const RowPart part = columns.documents ? RowPart::whole : RowPart::values;
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (i % kBlockRows == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const RowView row, rows.find(offsets[i], part));
    row.append_id(out.ids);
    if (columns.documents) out.documents.push_back(row.document());
    if (columns.uris) out.uris.push_back(row.uri());
    if (columns.metadata) out.metadatas.push_back(row.metadata(*keys_));
  }
  return ok_status();
}

}  // namespace viridian::segment
