#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

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

/// An entry of the section `id_index`.
struct IdEntry {
  uint64_t hash;
  uint32_t row;
  uint32_t reserved;
  /// The order in the section.
  bool operator<(const IdEntry& other) const {
    return hash != other.hash ? hash < other.hash : row < other.row;
  }
};
static_assert(sizeof(MetadataInfo) == 40 && sizeof(IdEntry) == 16);

/// Writes the sections of a metadata file. `rows` and `ended` ascend.
Status write_metadata(const Context&, SealedFileWriter&, const MetadataInfo&,
                      std::span<const FrozenRow<MetadataHead>> rows, const KeyDictionary& keys,
                      std::span<const Offset> ended, const IndexChoice& choice);

/// Adds a key to what becomes the section `keys`.
void append_key(std::string& section, std::string_view key);

/// The rows of a file of format version 1 or 2, which lie one after the other.
struct PlainRows {
  Section rows, ends;

  static Result<PlainRows> open(const SealedFile& file, uint64_t count);
  Result<RowView> read(const SealedFile& file, uint32_t row) const;
};

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
  Result<os::Bytes> key_bytes() const { return file_->read(keys_, 0, keys_.size); }
  Result<std::span<const IdEntry>> id_entries(uint32_t begin, uint32_t count) const;
  /// About what the row takes in the file.
  uint64_t row_bytes(uint32_t row) const;
  uint64_t ended_bytes() const noexcept { return ended_bytes_; }
  /// For the segment's writer to count with.
  const Garbage& garbage() const noexcept { return garbage_; }
  void add_garbage(const Garbage& more);

  const SealedRows& rows() const override { return rows_; }
  SealedRows& rows() override { return rows_; }
  std::unique_ptr<RowReader> reader() const override;
  Result<std::optional<VisibleRow>> find_id(const RowId& id, uint64_t hash, uint32_t limit,
                                            SeqId at) const override;
  /// Those of all rows; none, where a program wrote the file that knew of none.
  std::shared_ptr<const RowBlocks> blocks() const override { return blocks_; }

 private:
  Result<uint32_t> first_with_hash(uint64_t hash) const;

  std::shared_ptr<const void> guard_;
  std::shared_ptr<const SealedFile> file_;
  SealedRows rows_;
  MetadataInfo info_;
  Section keys_, id_index_;
  std::shared_ptr<const RowBlocks> blocks_ = std::make_shared<const RowBlocks>();
  std::optional<PlainRows> plain_;  ///< of files of format versions 1 and 2
  uint64_t ended_bytes_ = 0;
  Garbage garbage_;
};

}  // namespace viridian::segment
