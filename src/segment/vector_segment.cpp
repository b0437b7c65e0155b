#include "segment/vector_segment.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "segment/build_options.h"
#include "segment/graph_reader.h"
#include "segment/sealing_segment_impl.h"

namespace viridian::segment {

template <class Kind>
VectorSegmentOf<Kind>::VectorSegmentOf(SegmentEnvironment environment)
    : Base(std::move(environment)) {}

template <class Kind>
VectorSegmentOf<Kind>::~VectorSegmentOf() = default;

template <class Kind>
Status VectorSegmentOf<Kind>::opened(const VectorFile& file) {
  const uint32_t dim = file.info().dim;
  if (dim_ != 0 && dim != 0 && dim != dim_)
    return file.file().damaged(0, "its vectors are of another length than those before");
  if (dim != 0) dim_ = dim;
  return ok_status();
}

template <class Kind>
VectorInfo VectorSegmentOf<Kind>::info() const {
  return {0, 0, dim_, 0};
}

template <class Kind>
Status VectorSegmentOf<Kind>::write_rows(const Context& context, SealedFileWriter& writer,
                                         const VectorInfo& info,
                                         std::span<const FrozenRow<VectorHead>> rows,
                                         std::span<const Offset> ended) {
  return write_vectors(context, writer, info, rows, ended);
}

template <class Kind>
Status VectorSegmentOf<Kind>::apply(const MaterialisedBatch& materialised) {
  const RecordBatch& batch = materialised.batch;
  for (const RowChange& change : materialised.changes) {
    const float* vector =
        change.kind == RowChange::Kind::remove ? nullptr : batch.embedding(change.row);
    const bool ends = change.kind == RowChange::Kind::remove ||
                      (change.kind == RowChange::Kind::update && vector != nullptr);
    if (ends) {
      VIRIDIAN_TRY(const Located located, this->locate(change.offset));
      if (vector != nullptr && unchanged(located, vector)) continue;
      this->end(located, change.offset, change.seq);
    }
    if (vector != nullptr) push_back(change.offset, vector, batch.embeddings.dim);
  }
  return ok_status();
}

template <class Kind>
bool VectorSegmentOf<Kind>::unchanged(const Located& located, const float* vector) const {
  // A vector that cannot be read any more is replaced.
  const auto previous = located.part->run(located.row, 1);
  return previous.ok() && std::memcmp(previous->vectors, vector, dim_ * sizeof(float)) == 0;
}

template <class Kind>
void VectorSegmentOf<Kind>::push_back(Offset offset, const float* vector, uint32_t dim) {
  if (dim_ == 0) dim_ = dim;
  if (std::exchange(head_is_due_, false))
    this->heads_.push_back(std::make_shared<VectorHead>(dim_));
  this->heads_.back()->push_back(offset, vector);
}

template <class Kind>
std::vector<PinnedVectors> VectorSegmentOf<Kind>::parts() const {
  std::vector<PinnedVectors> parts;
  for (const auto& file : this->files_) parts.push_back({file, file->rows().size(), file.get()});
  for (const auto& head : this->heads_) parts.push_back({head, head->rows().size(), nullptr});
  return parts;
}

template class SealingSegment<VectorSegment, VectorKind>;
template class SealingSegment<VectorSegment, GraphKind>;
template class VectorSegmentOf<VectorKind>;
template class VectorSegmentOf<GraphKind>;

}  // namespace viridian::segment

namespace viridian::local {

Result<std::unique_ptr<VectorSegment>> FlatVectorSegment::open(
    const Context& context, const SegmentEnvironment& environment) {
  auto opened = std::make_unique<FlatVectorSegment>(environment);
  VIRIDIAN_TRY_VOID(opened->open_files(context));
  return opened;
}

std::shared_ptr<const VectorReader> FlatVectorSegment::reader(SeqId applied) {
  return std::make_shared<segment::PartsVectorReader>(parts(), environment_.space, dim(), applied,
                                                      *environment_.executor);
}

GraphVectorSegment::GraphVectorSegment(SegmentEnvironment environment)
    : VectorSegmentOf(std::move(environment)) {
  if (!environment_.index_memory)
    environment_.index_memory =
        std::make_shared<segment::IndexMemory>(std::numeric_limits<uint64_t>::max());
}

Result<std::unique_ptr<VectorSegment>> GraphVectorSegment::open(
    const Context& context, const SegmentEnvironment& environment) {
  auto opened = std::make_unique<GraphVectorSegment>(environment);
  VIRIDIAN_TRY_VOID(opened->open_files(context));
  return opened;
}

std::shared_ptr<const VectorReader> GraphVectorSegment::reader(SeqId applied) {
  return std::make_shared<segment::GraphVectorReader>(
      parts(), environment_.space, dim(), applied, *environment_.executor,
      environment_.index_memory, environment_.sampler);
}

segment::IndexNeed GraphVectorSegment::index_need() const {
  segment::IndexNeed need = need_of(files_, head_rows());
  need.needed += merged_index_room().more;
  return need;
}

// What is written while the merge lasts is admitted beside this, so half of what is left is for it.
segment::IndexRoom GraphVectorSegment::index_room(Files sources) const {
  const segment::IndexNeed own = need_of(sources, 0);
  if (own.rows == 0) return {};
  const uint64_t others = need_of(files_, head_rows()).needed - own.needed;
  const uint64_t limit = environment_.index_memory->for_searching();
  const uint64_t left = limit - std::min(limit, others);
  if (left <= own.needed) return {left, 0};
  index::IndexOptions most = segment::build_options(environment_.space, environment_.hnsw);
  most.bits = index::kMostBits;
  const uint64_t useful =
      own.rows * (segment::kMemoryPerRow + index::searched_bytes_per_row(most, dim()));
  const uint64_t more = std::min((left - own.needed) / 2, useful - std::min(useful, own.needed));
  return {own.needed + more, more};
}

segment::IndexNeed GraphVectorSegment::need_of(Files files, uint64_t more) const {
  segment::IndexNeed need;
  uint64_t others = more;
  for (const auto& file : files) {
    if (!file->has_index()) others += file->info().rows;
    for (const segment::FileIndex& index : file->indexes()) need.add(index.entry->need());
  }
  const bool indexed = environment_.files != nullptr && dim() != 0 &&
                       need.rows + others >= environment_.indexed_rows &&
                       segment::most_indexed_rows(environment_, dim()) >= environment_.indexed_rows;
  if (!indexed) return need;
  const uint64_t per_row =
      segment::kMemoryPerRow +
      index::searched_bytes_per_row(segment::build_options(environment_.space, environment_.hnsw),
                                    dim());
  need.add({others, others * per_row, 0});
  return need;
}

}  // namespace viridian::local
