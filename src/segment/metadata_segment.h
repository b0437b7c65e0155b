#pragma once
#include <memory>
#include <string>
#include <vector>

#include "segment/batch_columns.h"
#include "segment/metadata_part.h"
#include "viridian/spi/segment_types.h"

namespace viridian::local {

/// Records without their vectors: heads in memory, files once sealed. Without Files in its
/// environment it is mem::MetadataSegment and never seals.
class MetadataSegment final : public viridian::MetadataSegment {
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

  uint64_t head_bytes() const override;
  uint64_t head_rows() const override;
  void freeze(SeqId up_to) override;
  Status write_frozen(const Context&) override;
  std::vector<SegmentFile> files_with_frozen() const override;
  void discard() override;
  void adopt() override;
  const std::vector<SegmentFile>& files() const override { return environment_.definition.files; }

 private:
  struct Located {
    segment::MetadataPart* part;
    bool in_file;
    uint32_t row;
  };
  Status open_files(const Context&);
  Status insert(const segment::BatchColumns& columns, const RowChange& change);
  Status update(const segment::BatchColumns& columns, const RowChange& change);
  Status remove(const RowChange& change);
  /// The newest version of a live record.
  Result<Located> locate(Offset offset);
  void end(const Located& located, Offset offset, SeqId seq);

  SegmentEnvironment environment_;
  std::shared_ptr<segment::KeyDictionary> keys_;
  std::vector<std::shared_ptr<segment::MetadataPart>> files_;  ///< oldest first
  std::vector<std::shared_ptr<segment::MetadataHead>> heads_;  ///< the last one takes the writes
  segment::RowBuilder builder_;
  Offset next_offset_ = 0;
  Offset sealed_next_offset_ = 0;  ///< what the newest file says
  uint64_t count_ = 0;

  /// Offsets whose versions in files ended, and no file says so yet.
  std::vector<Offset> ended_;
  /// What freeze() set aside for write_frozen().
  struct Frozen {
    std::vector<std::shared_ptr<segment::MetadataHead>> heads;
    std::vector<Offset> ended;
    SeqId up_to = 0;
    Offset next_offset = 0;
    uint64_t count = 0;
  } frozen_;
  /// What write_frozen() made for adopt().
  struct Written;
  std::unique_ptr<Written> written_;
};

}  // namespace viridian::local
