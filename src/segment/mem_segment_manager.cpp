#include "segment/mem_segment_manager.h"

#include "segment/metadata_segment.h"
#include "segment/vector_segment.h"

namespace viridian::mem {
namespace {

constexpr const char* kMetadataType = "mem::MetadataSegment";
constexpr const char* kVectorType = "mem::FlatVectorSegment";

SegmentTypes types() {
  SegmentTypes types;
  types.add_metadata(kMetadataType, local::MetadataSegment::open);
  types.add_vector(kVectorType, local::FlatVectorSegment::open);
  return types;
}

segment::Options options(uint64_t backlog_bytes) {
  segment::Options options;
  options.backlog_bytes = backlog_bytes;
  return options;
}

}  // namespace

Result<std::unique_ptr<SegmentManager>> SegmentManager::create(System& system) {
  VIRIDIAN_TRY(viridian::SysDb * sysdb, system.require<viridian::SysDb>());
  VIRIDIAN_TRY(Consumer * consumer, system.require<Consumer>());
  VIRIDIAN_TRY(Executor * executor, system.require<Executor>());
  return std::make_unique<SegmentManager>(
      *sysdb, *consumer, *executor, system.settings().unsigned_integer("segment.backlog_bytes"));
}

SegmentManager::SegmentManager(viridian::SysDb& sysdb, Consumer& consumer, Executor& executor,
                               uint64_t backlog_bytes)
    : Manager({sysdb, consumer, executor, nullptr, "", nullptr, types(), options(backlog_bytes)},
              kMetadataType, kVectorType) {}

}  // namespace viridian::mem
