#pragma once
#include <memory>
#include <vector>

#include "base/executor.h"
#include "segment/metadata_part.h"
#include "viridian/spi/segments.h"

namespace viridian::segment {

/// A part and how many of its rows a reader may see.
struct PinnedMetadata {
  std::shared_ptr<const MetadataPart> part;
  uint32_t limit = 0;
};

/// Reads the parts of a metadata segment as of one applied number.
class PartsMetadataReader final : public MetadataReader {
 public:
  /// `parts` from oldest to newest.
  PartsMetadataReader(std::vector<PinnedMetadata> parts, std::shared_ptr<const KeyDictionary> keys,
                      SeqId at, uint64_t count, Executor& executor);

  uint64_t count() const override { return count_; }
  Result<OffsetSet> all(const Context&) const override;
  Result<OffsetSet> filter(const Context&, const Where&) const override;
  Result<OffsetSet> find(const Context&, const StringColumn& ids) const override;
  Status fetch(const Context&, std::span<const Offset> offsets, const Columns&,
               RecordColumns& out) const override;

 private:
  struct Block {
    const PinnedMetadata* pinned;
    uint32_t begin, end;
  };
  /// Rows from `begin` on, some at a time.
  static void add_blocks(const PinnedMetadata& pinned, uint32_t begin, std::vector<Block>& out);
  Result<RowView> row_of(Offset offset) const;

  std::vector<PinnedMetadata> parts_;
  std::shared_ptr<const KeyDictionary> keys_;
  SeqId at_;
  uint64_t count_;
  Executor& executor_;
};

}  // namespace viridian::segment
