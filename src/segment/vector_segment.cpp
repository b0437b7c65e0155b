#include "segment/vector_segment.h"

#include <cstring>

#include "segment/vector_reader.h"

namespace viridian::local {

using segment::PinnedVectors;

Status FlatVectorSegment::apply(const MaterialisedBatch& materialised) {
  const RecordBatch& batch = materialised.batch;
  for (const RowChange& change : materialised.changes) {
    const float* vector =
        change.kind == RowChange::Kind::remove ? nullptr : batch.embedding(change.row);
    const bool ends = change.kind == RowChange::Kind::remove ||
                      (change.kind == RowChange::Kind::update && vector != nullptr);
    if (ends) {
      VIRIDIAN_TRY(const Located located, locate(change.offset));
      if (vector != nullptr && unchanged(located, vector)) continue;
      end(located, change.offset, change.seq);
    }
    if (vector != nullptr) push_back(change.offset, vector, batch.embeddings.dim);
  }
  return ok_status();
}

bool FlatVectorSegment::unchanged(const Located& located, const float* vector) const {
  // A vector that cannot be read any more is replaced.
  const auto previous = located.part->run(located.row, 1);
  return previous.ok() && std::memcmp(previous->vectors, vector, dim_ * sizeof(float)) == 0;
}

void FlatVectorSegment::push_back(Offset offset, const float* vector, uint32_t dim) {
  if (dim_ == 0) dim_ = dim;
  if (std::exchange(head_is_due_, false))
    heads_.push_back(std::make_shared<segment::VectorHead>(dim_));
  heads_.back()->push_back(offset, vector);
}

std::shared_ptr<const VectorReader> FlatVectorSegment::reader(SeqId applied) {
  std::vector<PinnedVectors> parts;
  for (const auto& file : files_) parts.push_back({file, file->rows().size()});
  for (const auto& head : heads_) parts.push_back({head, head->rows().size()});
  return std::make_shared<segment::PartsVectorReader>(std::move(parts), environment_.space, dim_,
                                                      applied, *environment_.executor);
}

}  // namespace viridian::local
