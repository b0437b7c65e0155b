#pragma once
#include <memory>
#include <span>

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

/// A row of a frozen head that goes into a file.
struct FrozenVectorRow {
  Offset offset = 0;
  const VectorHead* head = nullptr;
  uint32_t row = 0;
};

/// Writes a vector file; returns its size. `rows` ascend by offset.
Result<uint64_t> write_vector_file(const Context&, os::Files&, const std::string& directory,
                                   const std::string& name, const FileIdentity&, const VectorInfo&,
                                   std::span<const FrozenVectorRow> rows,
                                   std::span<const Offset> ended);

class VectorFile final : public VectorPart {
 public:
  static Result<std::shared_ptr<VectorFile>> open(std::shared_ptr<const SealedFile> file,
                                                  std::shared_ptr<const void> directory_guard);
  /// For open() only.
  VectorFile(std::shared_ptr<const void> guard, std::shared_ptr<const SealedFile> file,
             Section offsets)
      : guard_(std::move(guard)), file_(std::move(file)), rows_(file_, offsets) {}

  const VectorInfo& info() const noexcept { return info_; }
  const SealedFile& file() const noexcept { return *file_; }

  const Rows& rows() const override { return rows_; }
  Rows& rows() override { return rows_; }
  Result<VectorRun> run(uint32_t begin, uint32_t limit) const override;

 private:
  std::shared_ptr<const void> guard_;
  std::shared_ptr<const SealedFile> file_;
  SealedRows rows_;
  VectorInfo info_;
  Section norms_, vectors_;
};

}  // namespace viridian::segment
