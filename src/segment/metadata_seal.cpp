#include "segment/metadata_segment.h"

namespace viridian::local {

struct MetadataSegment::Written {};

MetadataSegment::MetadataSegment(SegmentEnvironment environment)
    : environment_(std::move(environment)), keys_(std::make_shared<segment::KeyDictionary>()) {
  heads_.push_back(std::make_shared<segment::MetadataHead>());
}
MetadataSegment::~MetadataSegment() = default;

Result<std::unique_ptr<viridian::MetadataSegment>> MetadataSegment::open(
    const Context&, const SegmentEnvironment& environment) {
  return std::make_unique<MetadataSegment>(environment);
}
void MetadataSegment::freeze(SeqId) {}
Result<std::vector<SegmentFile>> MetadataSegment::write_frozen(const Context&) {
  return environment_.definition.files;
}
void MetadataSegment::adopt() {}

}  // namespace viridian::local
