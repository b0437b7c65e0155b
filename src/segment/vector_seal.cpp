#include "segment/sealing_segment_impl.h"
#include "segment/vector_segment.h"

namespace viridian::local {

using segment::VectorFile;
using segment::VectorHead;
using segment::VectorInfo;

FlatVectorSegment::FlatVectorSegment(SegmentEnvironment environment)
    : SealingSegment(std::move(environment)) {}

FlatVectorSegment::~FlatVectorSegment() = default;

Result<std::unique_ptr<VectorSegment>> FlatVectorSegment::open(
    const Context& context, const SegmentEnvironment& environment) {
  auto opened = std::make_unique<FlatVectorSegment>(environment);
  VIRIDIAN_TRY_VOID(opened->open_files(context));
  return opened;
}

Status FlatVectorSegment::opened(const VectorFile& file) {
  const uint32_t dim = file.info().dim;
  if (dim_ != 0 && dim != 0 && dim != dim_)
    return file.file().damaged(0, "its vectors are of another length than those before");
  if (dim != 0) dim_ = dim;
  return ok_status();
}

VectorInfo FlatVectorSegment::info() const { return {0, 0, dim_, 0}; }

Status FlatVectorSegment::write_rows(const Context& context, segment::SealedFileWriter& writer,
                                     const VectorInfo& info,
                                     std::span<const segment::FrozenRow<VectorHead>> rows,
                                     std::span<const Offset> ended) {
  return segment::write_vectors(context, writer, info, rows, ended);
}

}  // namespace viridian::local

template class viridian::segment::SealingSegment<viridian::VectorSegment,
                                                 viridian::segment::VectorKind>;
