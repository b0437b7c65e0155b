#include "segment/vector_segment.h"

#include <limits>

#include "segment/vector_reader.h"

namespace viridian::local {

using segment::PinnedVectors;

namespace {
constexpr uint32_t kNoLimit = std::numeric_limits<uint32_t>::max();
/// What is visible as of this number is what has not ended.
constexpr SeqId kNewest = segment::kNever - 1;
}  // namespace

Status FlatVectorSegment::apply(const MaterialisedBatch& materialised) {
  const RecordBatch& batch = materialised.batch;
  for (const RowChange& change : materialised.changes) {
    const float* vector =
        change.kind == RowChange::Kind::remove ? nullptr : batch.embedding(change.row);
    const bool ends = change.kind == RowChange::Kind::remove ||
                      (change.kind == RowChange::Kind::update && vector != nullptr);
    if (ends) VIRIDIAN_TRY_VOID(end(change.offset, change.seq));
    if (vector != nullptr) push_back(change.offset, vector, batch.embeddings.dim);
  }
  return ok_status();
}

void FlatVectorSegment::push_back(Offset offset, const float* vector, uint32_t dim) {
  if (dim_ == 0) dim_ = dim;
  if (std::exchange(start_head_, false))
    heads_.push_back(std::make_shared<segment::VectorHead>(dim_));
  heads_.back()->push_back(offset, vector);
}

Status FlatVectorSegment::end(Offset offset, SeqId seq) {
  for (auto head = heads_.rbegin(); head != heads_.rend(); ++head) {
    VIRIDIAN_TRY(const auto row, (*head)->rows().find(offset, kNoLimit, kNewest));
    if (!row) continue;
    (*head)->rows().set_end(*row, seq);
    return ok_status();
  }
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    VIRIDIAN_TRY(const auto row, (*file)->rows().find(offset, kNoLimit, kNewest));
    if (!row) continue;
    (*file)->rows().set_end(*row, seq);
    ended_.push_back(offset);
    return ok_status();
  }
  return Error(Code::internal,
               "the vector segment has no live record at offset " + std::to_string(offset));
}

std::shared_ptr<const VectorReader> FlatVectorSegment::reader(SeqId applied) {
  std::vector<PinnedVectors> parts;
  for (const auto& file : files_) parts.push_back({file, file->rows().size()});
  for (const auto& head : heads_) parts.push_back({head, head->rows().size()});
  return std::make_shared<segment::PartsVectorReader>(std::move(parts), environment_.space, dim_,
                                                      applied, *environment_.executor);
}

uint64_t FlatVectorSegment::head_bytes() const {
  uint64_t bytes = 0;
  for (const auto& head : heads_) bytes += head->bytes();
  return bytes;
}

uint64_t FlatVectorSegment::head_rows() const {
  uint64_t rows = 0;
  for (const auto& head : heads_) rows += head->rows().size();
  return rows;
}

}  // namespace viridian::local
