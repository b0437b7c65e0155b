#pragma once
#include <memory>
#include <span>

#include "segment/metadata_part.h"
#include "segment/sealed_rows.h"
#include "viridian/base/context.h"

namespace viridian::segment {

/// What the file says about the segment at the moment of sealing.
struct MetadataInfo {
  uint64_t rows = 0;
  uint64_t keys = 0;
  uint64_t count = 0;  ///< live records of the collection
  Offset next_offset = 0;
  SeqId up_to = 0;
};

/// A row of a frozen head that goes into a file.
struct FrozenMetadataRow {
  Offset offset = 0;
  const MetadataHead* head = nullptr;
  uint32_t row = 0;
};

/// Writes a metadata file; returns its size. `rows` ascend by offset.
Result<uint64_t> write_metadata_file(const Context&, os::Files&, const std::string& directory,
                                     const std::string& name, const FileIdentity&,
                                     const MetadataInfo&, std::span<const FrozenMetadataRow> rows,
                                     const KeyDictionary& keys, std::span<const Offset> ended);

class MetadataFile final : public MetadataPart {
 public:
  static Result<std::shared_ptr<MetadataFile>> open(std::shared_ptr<const SealedFile> file,
                                                    std::shared_ptr<const void> directory_guard);
  /// For open() only.
  MetadataFile(std::shared_ptr<const void> guard, std::shared_ptr<const SealedFile> file,
               Section offsets)
      : guard_(std::move(guard)), file_(std::move(file)), rows_(file_, offsets) {}

  const MetadataInfo& info() const noexcept { return info_; }
  const SealedFile& file() const noexcept { return *file_; }
  /// Adds the file's keys, in their order.
  Status load_keys(KeyDictionary& keys) const;

  const Rows& rows() const override { return rows_; }
  Rows& rows() override { return rows_; }
  Result<RowView> row(uint32_t row) const override;
  Result<std::optional<VisibleRow>> find_id(const RowId& id, uint64_t hash, uint32_t limit,
                                            SeqId at) const override;

 private:
  Result<uint32_t> first_with_hash(uint64_t hash) const;

  std::shared_ptr<const void> guard_;
  std::shared_ptr<const SealedFile> file_;
  SealedRows rows_;
  MetadataInfo info_;
  Section keys_, row_ends_, row_bytes_, id_index_;
};

}  // namespace viridian::segment
