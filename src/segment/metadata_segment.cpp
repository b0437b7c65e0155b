#include "segment/metadata_segment.h"

#include <algorithm>
#include <limits>

#include "obs/log.h"
#include "segment/batch_columns.h"
#include "segment/metadata_reader.h"

namespace viridian::local {

using segment::kNever;
using segment::MetadataHead;
using segment::PinnedMetadata;
using segment::RowId;
using segment::RowView;
using segment::VisibleRow;

namespace {
constexpr uint32_t kNoLimit = std::numeric_limits<uint32_t>::max();
/// What is visible as of this number is what has not ended.
constexpr SeqId kNewest = kNever - 1;
}  // namespace

Status MetadataSegment::apply(const MaterialisedBatch& materialised) {
  const segment::BatchColumns columns(materialised.batch, *keys_);
  for (const RowChange& change : materialised.changes) {
    switch (change.kind) {
      case RowChange::Kind::insert:
        VIRIDIAN_TRY_VOID(insert(columns, change));
        break;
      case RowChange::Kind::update:
        VIRIDIAN_TRY_VOID(update(columns, change));
        break;
      case RowChange::Kind::remove:
        VIRIDIAN_TRY_VOID(remove(change));
        break;
    }
  }
  return ok_status();
}

Status MetadataSegment::insert(const segment::BatchColumns& columns, const RowChange& change) {
  const RowId id(columns.batch().ids[change.row]);
  builder_.start(id);
  columns.put(change.row, builder_);
  heads_.back()->push_back(change.offset, id.hash(), builder_);
  next_offset_ = std::max(next_offset_, change.offset + 1);
  ++count_;
  return ok_status();
}

Status MetadataSegment::update(const segment::BatchColumns& columns, const RowChange& change) {
  if (!columns.has_values(change.row)) return ok_status();
  VIRIDIAN_TRY(const Located located, locate(change.offset));
  const auto reader = located.part->reader();
  VIRIDIAN_TRY(const RowView previous, reader->read(located.row, segment::RowPart::whole));
  builder_.start(previous);
  columns.put(change.row, builder_);
  if (builder_.size() > segment::BatchColumns::kMaxRowBytes) {
    // Values that fit alone may be too much together. What was there stays.
    obs::log(
        obs::Level::warn, "segment", "update skipped: the merged record is too large",
        {{"collection", environment_.definition.collection.to_string()}, {"record", change.seq}});
    return ok_status();
  }
  if (builder_.equals(previous)) return ok_status();
  heads_.back()->push_back(change.offset, RowId(columns.batch().ids[change.row]).hash(), builder_);
  end(located, change.offset, change.seq);
  return ok_status();
}

Status MetadataSegment::remove(const RowChange& change) {
  VIRIDIAN_TRY(const Located located, locate(change.offset));
  end(located, change.offset, change.seq);
  --count_;
  return ok_status();
}

Result<std::optional<Offset>> MetadataSegment::find(std::string_view text) {
  const RowId id(text);
  const uint64_t hash = id.hash();
  for (auto head = heads_.rbegin(); head != heads_.rend(); ++head) {
    VIRIDIAN_TRY(const auto row, (*head)->find_id(id, hash, kNoLimit, kNewest));
    if (row) return row->offset;
  }
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    VIRIDIAN_TRY(const auto row, (*file)->find_id(id, hash, kNoLimit, kNewest));
    if (row) return row->offset;
  }
  return std::nullopt;
}

std::shared_ptr<const MetadataReader> MetadataSegment::reader(SeqId applied) {
  std::vector<PinnedMetadata> parts;
  for (const auto& file : files_) parts.push_back({file, file->rows().size()});
  for (const auto& head : heads_) parts.push_back({head, head->rows().size()});
  return std::make_shared<segment::PartsMetadataReader>(std::move(parts), keys_, index_choice(),
                                                        applied, count_, *environment_.executor);
}

MetadataBytes MetadataSegment::bytes() const {
  MetadataBytes sum;
  const auto add = [&](const segment::RowBlocks& blocks) {
    for (const segment::RowBlock& block : blocks) {
      const auto size = [](const auto& part) { return part ? part->size() : 0; };
      sum.rows += size(block.packed_rows);
      sum.documents += size(block.packed_documents);
      sum.value_index += size(block.columns);
      sum.text_index += size(block.trigrams);
    }
  };
  for (const auto& file : files_) add(*file->blocks());
  for (const auto& head : heads_) add(*head->blocks());
  return sum;
}

}  // namespace viridian::local
