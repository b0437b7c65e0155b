#pragma once
#include <memory>
#include <span>
#include <vector>

#include "segment/index_memory.h"
#include "segment/sealed_rows.h"
#include "segment/vector_part.h"
#include "viridian/base/context.h"

namespace viridian::segment {

struct VectorInfo {
  uint64_t rows = 0;
  SeqId up_to = 0;
  uint32_t dim = 0;
  uint32_t reserved = 0;
};

/// Writes the sections of a vector file. `rows` and `ended` ascend.
Status write_vectors(const Context&, SealedFileWriter&, const VectorInfo&,
                     std::span<const FrozenRow<VectorHead>> rows, std::span<const Offset> ended);

/// An index of a file's rows, or of some of them.
struct FileIndex {
  IndexPlace place;
  std::unique_ptr<IndexMemory::Entry> entry;
};

class VectorFile final : public VectorPart {
 public:
  static Result<std::shared_ptr<VectorFile>> open(const std::shared_ptr<const SealedFile>& file,
                                                  std::shared_ptr<const void> directory_guard);
  /// For open() only.
  VectorFile(std::shared_ptr<const void> guard, std::shared_ptr<const SealedFile> file,
             Section offsets)
      : guard_(std::move(guard)), file_(std::move(file)), rows_(file_, offsets) {}

  const VectorInfo& info() const noexcept { return info_; }
  const SealedFile& file() const noexcept { return *file_; }

  /// What a row takes in the file.
  uint64_t row_bytes(uint32_t /*row*/) const noexcept {
    return sizeof(Offset) + sizeof(float) * (uint64_t{info_.dim} + 1);
  }
  uint64_t ended_bytes() const noexcept { return ended_bytes_; }
  /// For the segment's writer to count with.
  const Garbage& garbage() const noexcept { return garbage_; }
  void add_garbage(const Garbage& more);

  const SealedRows& rows() const override { return rows_; }
  SealedRows& rows() override { return rows_; }
  Result<VectorRun> run(uint32_t begin, uint32_t limit) const override;
  CodedRows& codes() const override { return codes_->codes(); }
  /// Null: it is searched without codes, since it has an index, or codes would save nothing.
  IndexMemory::Entry* codes_entry() const noexcept { return codes_.get(); }
  /// The same as they lie in the file: `count` rows from `begin` on.
  Result<os::Bytes> vector_data(uint32_t begin, uint32_t count) const;
  Result<os::Bytes> norm_data(uint32_t begin, uint32_t count) const;

  /// One row's, of rows that are read here and there.
  Result<const float*> vector(uint32_t row) const;
  /// Has the disk read these rows at once, as far as they may not be in memory, so that vector()
  /// waits less for them.
  void will_need(std::span<const uint32_t> rows) const {
    file_->will_need(vectors_, rows, uint64_t{info_.dim} * sizeof(float));
  }

  bool has_index() const noexcept { return !indexes_.empty(); }
  /// Ascending by rows; together they are of all rows.
  std::span<const FileIndex> indexes() const noexcept { return indexes_; }

 private:
  Status find_indexes();
  void make_codes_entry();

  std::shared_ptr<const void> guard_;
  std::shared_ptr<const SealedFile> file_;
  SealedRows rows_;
  VectorInfo info_;
  Section norms_, vectors_;
  uint64_t ended_bytes_ = 0;
  Garbage garbage_;
  std::vector<FileIndex> indexes_;
  std::unique_ptr<IndexMemory::Entry> codes_;
};

}  // namespace viridian::segment
