#include "segment/vector_segment.h"

namespace viridian::local {

struct FlatVectorSegment::Written {};

FlatVectorSegment::FlatVectorSegment(SegmentEnvironment environment)
    : environment_(std::move(environment)) {}
FlatVectorSegment::~FlatVectorSegment() = default;

Result<std::unique_ptr<VectorSegment>> FlatVectorSegment::open(
    const Context&, const SegmentEnvironment& environment) {
  return std::make_unique<FlatVectorSegment>(environment);
}
void FlatVectorSegment::freeze(SeqId) {}
Result<std::vector<SegmentFile>> FlatVectorSegment::write_frozen(const Context&) {
  return environment_.definition.files;
}
void FlatVectorSegment::adopt() {}

}  // namespace viridian::local
