#pragma once
#include <atomic>
#include <memory>

#include "segment/rows.h"
#include "segment/sealed_file.h"

namespace viridian::segment {

/// The rows of a file, ascending by offset. Ends are kept in memory, from the first one on; the
/// next file tells which offsets ended (see Rows for who may call what).
class SealedRows final : public Rows {
 public:
  /// `offsets`: one uint64 per row.
  SealedRows(std::shared_ptr<const SealedFile> file, Section offsets);

  uint32_t size() const override { return size_; }
  Status visible(uint32_t begin, uint32_t end, SeqId at,
                 std::vector<VisibleRow>& out) const override;
  Result<std::optional<uint32_t>> find(Offset offset, uint32_t limit, SeqId at) const override;
  SeqId end(uint32_t row) const override;
  void set_end(uint32_t row, SeqId seq) override;
  Result<Offset> offset(uint32_t row) const { return file_->element<Offset>(offsets_, row); }

 private:
  std::shared_ptr<const SealedFile> file_;
  Section offsets_;
  uint32_t size_;
  std::unique_ptr<std::atomic<SeqId>[]> owned_ends_;  ///< 0 stands for kNever
  std::atomic<std::atomic<SeqId>*> ends_ = nullptr;   ///< null: none ended
};

/// The offsets that a file says have ended in the files before it: all of them are ended in
/// `older` (oldest first).
///   data_loss  one of them is in none of the files
Status end_in_older(const SealedFile& file, SeqId up_to, std::span<Rows* const> older);

}  // namespace viridian::segment
