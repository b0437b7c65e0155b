#pragma once
#include <memory>
#include <vector>

#include "segment/sealing_segment.h"
#include "segment/vector_part.h"
#include "viridian/spi/segment_types.h"

namespace viridian::local {

/// Vectors as they came, searched by reading all of them: heads in memory, files once sealed.
/// Without Files in its environment it is mem::FlatVectorSegment and never seals.
class FlatVectorSegment final : public segment::SealingSegment<VectorSegment, segment::VectorKind> {
 public:
  static constexpr const char* kType = "local::FlatVectorSegment";

  static Result<std::unique_ptr<VectorSegment>> open(const Context&, const SegmentEnvironment&);
  explicit FlatVectorSegment(SegmentEnvironment environment);
  ~FlatVectorSegment() override;

  Status apply(const MaterialisedBatch&) override;
  uint32_t dim() const override { return dim_; }
  std::shared_ptr<const VectorReader> reader(SeqId applied) override;

 private:
  void push_back(Offset offset, const float* vector, uint32_t dim);
  /// Whether the record has this vector, bit for bit.
  bool unchanged(const Located& located, const float* vector) const;

  Status opened(const segment::VectorFile& file) override;
  segment::VectorInfo info() const override;
  void start_head() override { head_is_due_ = true; }
  Status write_rows(const Context&, segment::SealedFileWriter&, const segment::VectorInfo&,
                    std::span<const segment::FrozenRow<segment::VectorHead>> rows,
                    std::span<const Offset> ended) override;

  uint32_t dim_ = 0;
  bool head_is_due_ = true;  ///< before the next write: the last head is frozen, or there is none
};

}  // namespace viridian::local
