#pragma once
#include <memory>
#include <vector>

#include "segment/vector_part.h"
#include "viridian/spi/segment_types.h"

namespace viridian::local {

/// Vectors as they came, searched by reading all of them: heads in memory, files once sealed.
/// Without Files in its environment it is mem::FlatVectorSegment and never seals.
class FlatVectorSegment final : public VectorSegment {
 public:
  static constexpr const char* kType = "local::FlatVectorSegment";

  static Result<std::unique_ptr<VectorSegment>> open(const Context&, const SegmentEnvironment&);
  explicit FlatVectorSegment(SegmentEnvironment environment);
  ~FlatVectorSegment() override;

  Status apply(const MaterialisedBatch&) override;
  uint32_t dim() const override { return dim_; }
  std::shared_ptr<const VectorReader> reader(SeqId applied) override;

  uint64_t head_bytes() const override;
  uint64_t head_rows() const override;
  void freeze(SeqId up_to) override;
  Status write_frozen(const Context&) override;
  std::vector<SegmentFile> files_with_frozen() const override;
  void discard() override;
  void adopt() override;
  const std::vector<SegmentFile>& files() const override { return environment_.definition.files; }

 private:
  Status open_files(const Context&);
  void push_back(Offset offset, const float* vector, uint32_t dim);
  /// Ends the newest version of a live record.
  Status end(Offset offset, SeqId seq);

  SegmentEnvironment environment_;
  uint32_t dim_ = 0;
  std::vector<std::shared_ptr<segment::VectorPart>> files_;  ///< oldest first
  std::vector<std::shared_ptr<segment::VectorHead>> heads_;  ///< the last one takes the writes
  bool start_head_ = true;  ///< before the next write: the last head is frozen, or there is none

  /// Offsets whose versions in files ended, and no file says so yet.
  std::vector<Offset> ended_;
  /// What freeze() set aside for write_frozen().
  struct Frozen {
    std::vector<std::shared_ptr<segment::VectorHead>> heads;
    std::vector<Offset> ended;
    SeqId up_to = 0;
    uint32_t dim = 0;
  } frozen_;
  /// What write_frozen() made for adopt().
  struct Written;
  std::unique_ptr<Written> written_;
};

}  // namespace viridian::local
