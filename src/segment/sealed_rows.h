#pragma once
#include <atomic>
#include <memory>
#include <span>

#include "segment/rows.h"
#include "segment/sealed_file.h"
#include "viridian/spi/segment_types.h"

namespace viridian::segment {

/// Rows of a file between two looks at the caller's deadline.
inline constexpr size_t kCheckRows = 4096;

/// The rows of a file, ascending by offset. Ends are kept in memory, from the first one on; later
/// files tell which offsets ended (see Rows for who may call what).
class SealedRows final : public Rows {
 public:
  /// `offsets`: one uint64 per row.
  SealedRows(std::shared_ptr<const SealedFile> file, Section offsets);

  uint32_t size() const override { return size_; }
  Status visible(uint32_t begin, uint32_t end, SeqId at,
                 std::vector<VisibleRow>& out) const override;
  Status add_visible(uint32_t first, postings::RowSet rows, uint32_t limit, SeqId at,
                     OffsetSet& out) const override;
  Result<std::pair<Offset, Offset>> offsets_between(uint32_t begin, uint32_t end) const override;
  Result<std::optional<uint32_t>> find(Offset offset, uint32_t limit, SeqId at) const override;
  SeqId end(uint32_t row) const override;
  void set_end(uint32_t row, SeqId seq) override;
  /// Rows that have ended by now, whatever number a reader is as of.
  uint32_t ended() const noexcept { return ended_.load(std::memory_order_relaxed); }
  Result<Offset> offset(uint32_t row) const { return file_->element<Offset>(offsets_, row); }
  /// Offsets of the rows [begin, begin + count). They live as long as the file.
  Result<std::span<const Offset>> offsets(uint32_t begin, uint32_t count) const;
  /// The first row at or after `from` whose offset is at least `wanted`; size() if there is none.
  /// Quick where it is near `from`.
  Result<uint32_t> lower_bound(Offset wanted, uint32_t from) const;

 private:
  std::shared_ptr<const SealedFile> file_;
  Section offsets_;
  uint32_t size_;
  std::unique_ptr<std::atomic<SeqId>[]> owned_ends_;  ///< 0 stands for kNever
  std::atomic<std::atomic<SeqId>*> ends_ = nullptr;   ///< null: none ended
  std::atomic<uint32_t> ended_ = 0;
};

/// The offsets of which a file says that all their versions in older files have ended. Ascending,
/// except in files of format version 1.
Result<std::span<const Offset>> ended_offsets(const SealedFile& file);

/// Calls found(i, row) for each offsets[i] that is in `rows`. `offsets` had better ascend.
template <class F>
Status for_each_found(std::span<const Offset> offsets, const SealedRows& rows, F&& found) {
  uint32_t from = 0;
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (i > 0 && offsets[i] < offsets[i - 1]) from = 0;
    VIRIDIAN_TRY(from, rows.lower_bound(offsets[i], from));
    if (from == rows.size()) continue;
    VIRIDIAN_TRY(const Offset offset, rows.offset(from));
    if (offset == offsets[i]) VIRIDIAN_TRY_VOID(found(i, from));
  }
  return ok_status();
}

}  // namespace viridian::segment
