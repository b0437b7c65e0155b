#pragma once
#include <memory>

#include "index/index_builder.h"
#include "segment/sealed_file.h"

namespace viridian::segment {

/// Appends an index of the file's rows (docs/file-formats.md).
Status write_index(SealedFileWriter& writer, const index::BuiltIndex& built);

/// Whether the file has one. What is wrong with it shows when it is opened.
bool has_index(const SealedFile& file);

/// An index of a file, read and verified. What a walk jumps about in is copied into large pages: a
/// file's own are small, so that nearly every jump would miss the translation buffer, too.
class OpenedIndex {
 public:
  /// The file must outlive what is returned.
  ///   data_loss            damaged
  ///   failed_precondition  of a newer format version
  static Result<std::unique_ptr<const OpenedIndex>> open(const SealedFile& file);
  const index::GraphIndex& graph() const noexcept { return *graph_; }

 private:
  os::LargeArray<uint8_t> records_{0}, fine_{0};
  os::LargeArray<uint32_t> links_{0};
  std::unique_ptr<const index::GraphIndex> graph_;
};

}  // namespace viridian::segment
