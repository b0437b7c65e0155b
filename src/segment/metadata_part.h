#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "segment/arena.h"
#include "segment/metadata_row.h"
#include "segment/row_blocks.h"
#include "segment/row_reader.h"
#include "segment/rows.h"

namespace viridian::segment {

/// A head or a file of a metadata segment.
class MetadataPart {
 public:
  virtual ~MetadataPart() = default;
  virtual const Rows& rows() const = 0;
  virtual Rows& rows() = 0;
  /// For rows below rows().size().
  virtual std::unique_ptr<RowReader> reader() const = 0;
  /// The row below `limit` with this id that is visible as of `at`, with its offset.
  virtual Result<std::optional<VisibleRow>> find_id(const RowId& id, uint64_t hash, uint32_t limit,
                                                    SeqId at) const = 0;
  /// What is indexed by now.
  virtual std::shared_ptr<const RowBlocks> blocks() const = 0;
};

class MetadataHead final : public MetadataPart {
 public:
  explicit MetadataHead(IndexChoice choice) : choice_(std::move(choice)) {}
  void push_back(Offset offset, uint64_t id_hash, const RowBuilder& builder);
  size_t bytes() const noexcept;
  Offset offset(uint32_t row) const { return rows_.offset(row); }
  RowView view(uint32_t row) const;
  uint64_t id_hash(uint32_t row) const { return by_id_.hash(row); }

  const HeadRows& rows() const override { return rows_; }
  HeadRows& rows() override { return rows_; }
  std::unique_ptr<RowReader> reader() const override;
  Result<std::optional<VisibleRow>> find_id(const RowId& id, uint64_t hash, uint32_t limit,
                                            SeqId at) const override;
  std::shared_ptr<const RowBlocks> blocks() const override;

 private:
  void index_rows();

  const IndexChoice choice_;
  HeadRows rows_;
  StableArray<std::span<const std::byte>> bytes_;
  RowIndex by_id_;
  Arena arena_;
  mutable std::mutex blocks_mutex_;
  std::shared_ptr<const RowBlocks> blocks_ = std::make_shared<const RowBlocks>();  // guarded
  size_t block_bytes_ = 0;
};

/// A part and how many of its rows a reader may see.
struct PinnedMetadata {
  std::shared_ptr<const MetadataPart> part;
  uint32_t limit = 0;
};

/// Rows [begin, end) of a part that a reader may see.
struct RowSpan {
  const PinnedMetadata* pinned = nullptr;
  uint32_t begin = 0, end = 0;
};
/// Those from `begin` on, few enough at a time to look at each between two looks at a deadline.
std::vector<RowSpan> spans_from(const PinnedMetadata& pinned, uint32_t begin);

}  // namespace viridian::segment
