#include "segment/metadata_segment.h"
#include "segment/sealing_segment_impl.h"

namespace viridian::local {

using segment::MetadataFile;
using segment::MetadataHead;
using segment::MetadataInfo;

MetadataSegment::MetadataSegment(SegmentEnvironment environment)
    : SealingSegment(std::move(environment)), keys_(std::make_shared<segment::KeyDictionary>()) {
  start_head();
}

MetadataSegment::~MetadataSegment() = default;

Result<std::unique_ptr<viridian::MetadataSegment>> MetadataSegment::open(
    const Context& context, const SegmentEnvironment& environment) {
  auto opened = std::make_unique<MetadataSegment>(environment);
  VIRIDIAN_TRY_VOID(opened->open_files(context));
  if (!opened->files_.empty()) VIRIDIAN_TRY_VOID(opened->files_.back()->load_keys(*opened->keys_));
  return opened;
}

Status MetadataSegment::opened(const MetadataFile& file) {
  next_offset_ = file.info().next_offset;
  count_ = file.info().count;
  return ok_status();
}

MetadataInfo MetadataSegment::info() const { return {0, keys_->size(), count_, next_offset_, 0}; }

segment::IndexChoice MetadataSegment::index_choice() const { return {environment_.schema, keys_}; }

void MetadataSegment::start_head() {
  heads_.push_back(std::make_shared<MetadataHead>(index_choice()));
}

Status MetadataSegment::write_rows(const Context& context, segment::SealedFileWriter& writer,
                                   const MetadataInfo& info,
                                   std::span<const segment::FrozenRow<MetadataHead>> rows,
                                   std::span<const Offset> ended) {
  return segment::write_metadata(context, writer, info, rows, *keys_, ended, index_choice());
}

}  // namespace viridian::local

template class viridian::segment::SealingSegment<viridian::MetadataSegment,
                                                 viridian::segment::MetadataKind>;
