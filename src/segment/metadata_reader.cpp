#include "segment/metadata_reader.h"

#include <algorithm>

#include "segment/filter.h"

namespace viridian::segment {
namespace {

/// Rows between two looks at the caller's deadline, and the unit of parallel work.
constexpr uint32_t kBlockRows = 4096;

Status filter_block(const PinnedMetadata& pinned, uint32_t begin, uint32_t end, SeqId at,
                    const Filter& filter, std::vector<Offset>& out) {
  std::vector<VisibleRow> rows;
  VIRIDIAN_TRY_VOID(pinned.part->rows().visible(begin, end, at, rows));
  for (const VisibleRow& visible : rows) {
    VIRIDIAN_TRY(const RowView row, pinned.part->row(visible.row));
    if (filter.matches(row)) out.push_back(visible.offset);
  }
  return ok_status();
}

}  // namespace

PartsMetadataReader::PartsMetadataReader(std::vector<PinnedMetadata> parts,
                                         std::shared_ptr<const KeyDictionary> keys, SeqId at,
                                         uint64_t count, Executor& executor)
    : parts_(std::move(parts)),
      keys_(std::move(keys)),
      at_(at),
      count_(count),
      executor_(executor) {}

std::vector<PartsMetadataReader::Block> PartsMetadataReader::blocks() const {
  std::vector<Block> blocks;
  for (const PinnedMetadata& pinned : parts_)
    for (uint32_t begin = 0; begin < pinned.limit; begin += kBlockRows)
      blocks.push_back({&pinned, begin, begin + std::min(kBlockRows, pinned.limit - begin)});
  return blocks;
}

Result<OffsetSet> PartsMetadataReader::all(const Context& context) const {
  OffsetSet offsets;
  std::vector<VisibleRow> rows;
  for (const Block& block : blocks()) {
    VIRIDIAN_TRY_VOID(context.check());
    rows.clear();
    VIRIDIAN_TRY_VOID(block.pinned->part->rows().visible(block.begin, block.end, at_, rows));
    for (const VisibleRow& row : rows) offsets.insert(row.offset);
  }
  return offsets;
}

Result<OffsetSet> PartsMetadataReader::filter(const Context& context, const Where& where) const {
  VIRIDIAN_TRY(const Filter filter, Filter::compile(where, *keys_));
  const std::vector<Block> work = blocks();
  std::vector<std::vector<Offset>> matches(work.size());
  std::vector<Status> outcomes(work.size());
  const auto run = [&](size_t i) {
    outcomes[i] = context.check();
    if (outcomes[i].ok())
      outcomes[i] =
          filter_block(*work[i].pinned, work[i].begin, work[i].end, at_, filter, matches[i]);
  };
  if (work.size() > 1)
    executor_.parallel_for(work.size(), run);
  else if (work.size() == 1)
    run(0);
  OffsetSet offsets;
  for (size_t i = 0; i < work.size(); ++i) {
    VIRIDIAN_TRY_VOID(outcomes[i]);
    for (const Offset offset : matches[i]) offsets.insert(offset);
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
