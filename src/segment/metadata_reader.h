#pragma once
#include <memory>
#include <vector>

#include "base/executor.h"
#include "segment/metadata_part.h"
#include "viridian/spi/segments.h"

namespace viridian::segment {

class ValueBlock;
struct ValueGroup;

/// Reads the parts of a metadata segment as of one applied number.
class PartsMetadataReader final : public MetadataReader {
 public:
  /// `parts` from oldest to newest.
  PartsMetadataReader(std::vector<PinnedMetadata> parts, std::shared_ptr<const KeyDictionary> keys,
                      IndexChoice choice, SeqId at, uint64_t count, Executor& executor);

  uint64_t count() const override { return count_; }
  Result<OffsetSet> all(const Context&) const override;
  Result<OffsetSet> filter(const Context&, const Where&) const override;
  Result<OffsetSet> filter_page(const Context&, const Where&, Offset from,
                                uint64_t count) const override;
  Result<Candidates> candidates(const Context&, const Where&) const override;
  Result<OffsetSet> satisfying(const Context&, const Where&,
                               std::span<const Offset> offsets) const override;
  Result<OffsetSet> find(const Context&, const StringColumn& ids) const override;
  Status fetch(const Context&, std::span<const Offset> offsets, const Columns&,
               RecordColumns& out) const override;
  Result<std::vector<Offset>> order(const Context&, const OrderQuery&) const override;
  Result<std::vector<Facet>> facets(const Context&, std::span<const std::string> keys,
                                    const OffsetSet* allowed, uint32_t limit) const override;
  Result<std::vector<Extent>> extents(const Context&, std::span<const std::string> keys,
                                      const OffsetSet* allowed) const override;

 private:
  class OrderedWalk;
  /// Finds live records' rows by their offsets. For one thread.
  class RowFinder {
   public:
    explicit RowFinder(const PartsMetadataReader& segment)
        : segment_(segment), readers_(segment.parts_.size()) {}
    /// The row, which lives until the next call.
    Result<RowView> find(Offset offset, RowPart part);

   private:
    const PartsMetadataReader& segment_;
    std::vector<std::unique_ptr<RowReader>> readers_;  ///< by part; null: not used yet
  };
  /// Blocks with the keys' values of all records that are allowed. What it is given outlives them.
  Result<std::vector<ValueBlock>> value_blocks(const Context&, std::span<const uint32_t> keys,
                                               const OffsetSet* allowed) const;
  /// The same for a few records, whose rows are read.
  Result<std::vector<ValueBlock>> read_blocks(const Context&, std::span<const uint32_t> keys,
                                              const OffsetSet& allowed) const;
  /// Allowed records that have a sortable value of the key; `blocks` hold all of these.
  Result<OffsetSet> with_value(const Context&, std::span<const ValueBlock> blocks,
                               uint32_t key) const;
  /// For blocks that were looked at.
  Result<Facet> facet(const Context&, std::span<const ValueBlock> blocks, uint32_t key,
                      uint32_t limit) const;
  /// The first value, in one of the directions, that an allowed record has; null where none has
  /// one.
  Result<MetadataValue> end_value(const Context&, std::span<const ValueBlock> blocks, uint32_t key,
                                  bool descending) const;
  /// The same among texts of which the group is the beginning.
  Result<MetadataValue> end_text(const Context&, const ValueGroup& group, uint32_t key,
                                 bool descending) const;

  std::vector<PinnedMetadata> parts_;
  std::shared_ptr<const KeyDictionary> keys_;
  const IndexChoice choice_;
  SeqId at_;
  uint64_t count_;
  Executor& executor_;
};

}  // namespace viridian::segment
