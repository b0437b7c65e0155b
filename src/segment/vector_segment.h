#pragma once
#include <memory>
#include <vector>

#include "segment/sealing_segment.h"
#include "segment/vector_part.h"
#include "segment/vector_reader.h"
#include "viridian/spi/segment_types.h"

namespace viridian::segment {

/// Vectors as they came: heads in memory, files once sealed. Without Files in its environment it
/// never seals.
template <class Kind>
class VectorSegmentOf : public SealingSegment<VectorSegment, Kind> {
 public:
  explicit VectorSegmentOf(SegmentEnvironment environment);
  ~VectorSegmentOf() override;

  Status apply(const MaterialisedBatch&) final;
  uint32_t dim() const final { return dim_; }

 protected:
  using Base = SealingSegment<VectorSegment, Kind>;
  using typename Base::Located;
  std::vector<PinnedVectors> parts() const;

 private:
  void push_back(Offset offset, const float* vector, uint32_t dim);
  /// Whether the record has this vector, bit for bit.
  bool unchanged(const Located& located, const float* vector) const;

  Status opened(const VectorFile& file) final;
  VectorInfo info() const final;
  void start_head() final { head_is_due_ = true; }
  Status write_rows(const Context&, SealedFileWriter&, const VectorInfo&,
                    std::span<const FrozenRow<VectorHead>> rows,
                    std::span<const Offset> ended) final;

  uint32_t dim_ = 0;
  bool head_is_due_ = true;  ///< before the next write: the last head is frozen, or there is none
};

}  // namespace viridian::segment

namespace viridian::local {

/// Searched by reading all vectors.
class FlatVectorSegment final : public segment::VectorSegmentOf<segment::VectorKind> {
 public:
  static constexpr const char* kType = "local::FlatVectorSegment";
  static Result<std::unique_ptr<VectorSegment>> open(const Context&, const SegmentEnvironment&);
  using VectorSegmentOf::VectorSegmentOf;
  std::shared_ptr<const VectorReader> reader(SeqId applied) override;
  segment::IndexNeed index_need() const override { return {}; }
};

/// Searched by walking graphs where files are large enough for one, which they get when they are
/// merged; what is in no such file is read.
class GraphVectorSegment final : public segment::VectorSegmentOf<segment::GraphKind> {
 public:
  static constexpr const char* kType = "local::GraphVectorSegment";
  static Result<std::unique_ptr<VectorSegment>> open(const Context&, const SegmentEnvironment&);
  explicit GraphVectorSegment(SegmentEnvironment environment);
  std::shared_ptr<const VectorReader> reader(SeqId applied) override;
  segment::IndexNeed index_need() const override;

 private:
  using Files = std::span<const std::shared_ptr<segment::VectorFile>>;
  /// Of the indexes of these files and of so many rows beside them, as far as they are large enough
  /// for one.
  segment::IndexNeed need_of(Files files, uint64_t more) const;
  segment::IndexRoom index_room(Files sources) const override;
};

}  // namespace viridian::local
