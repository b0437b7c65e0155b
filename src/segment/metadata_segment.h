#pragma once
#include <memory>
#include <string>
#include <vector>

#include "segment/batch_columns.h"
#include "segment/metadata_part.h"
#include "segment/sealing_segment.h"
#include "viridian/spi/segment_types.h"

namespace viridian::local {

/// Records without their vectors: heads in memory, files once sealed. Without Files in its
/// environment it is mem::MetadataSegment and never seals.
class MetadataSegment final
    : public segment::SealingSegment<viridian::MetadataSegment, segment::MetadataKind> {
 public:
  static constexpr const char* kType = "local::MetadataSegment";

  static Result<std::unique_ptr<viridian::MetadataSegment>> open(const Context&,
                                                                 const SegmentEnvironment&);
  explicit MetadataSegment(SegmentEnvironment environment);
  ~MetadataSegment() override;

  Status apply(const MaterialisedBatch&) override;
  Result<std::optional<Offset>> find(std::string_view id) override;
  Offset next_offset() const override { return next_offset_; }
  std::shared_ptr<const MetadataReader> reader(SeqId applied) override;
  MetadataBytes bytes() const override;

 private:
  Status insert(const segment::BatchColumns& columns, const RowChange& change);
  Status update(const segment::BatchColumns& columns, const RowChange& change);
  Status remove(const RowChange& change);

  Status opened(const segment::MetadataFile& file) override;
  segment::MetadataInfo info() const override;
  segment::IndexChoice index_choice() const;
  void start_head() override;
  Status write_rows(const Context&, segment::SealedFileWriter&, const segment::MetadataInfo&,
                    std::span<const segment::FrozenRow<segment::MetadataHead>> rows,
                    std::span<const Offset> ended) override;

  std::shared_ptr<segment::KeyDictionary> keys_;
  segment::RowBuilder builder_;
  Offset next_offset_ = 0;
  uint64_t count_ = 0;
};

}  // namespace viridian::local
