#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "index/index_builder.h"
#include "segment/sealed_file.h"
#include "viridian/model/ids.h"

namespace viridian::segment {

/// Where an index lies in a file.
struct IndexPlace {
  uint32_t number = 0;  ///< 0: the only one; else from 1 on
  uint32_t first = 0;   ///< row of the file that is its row 0
  uint32_t rows = 0;
  uint64_t needed = 0;  ///< bytes of memory without which it cannot be searched
  uint64_t finer = 0;   ///< of its finer records
};

inline constexpr uint32_t kMostIndexes = 99;  ///< of a file
/// Beside what an index has: a row's offset, length and node, and its bits in some walks.
inline constexpr uint64_t kMemoryPerRow = sizeof(Offset) + sizeof(float) + sizeof(uint32_t) + 2;

/// Appends an index of some of the file's rows (docs/file-formats.md). `number` as in IndexPlace.
Status write_index(SealedFileWriter& writer, const index::BuiltIndex& built, uint32_t number);

/// The indexes of the file, each of the rows after those of the one before; empty: it has none.
/// Nothing of them is read.
Result<std::vector<IndexPlace>> indexes_of(const SealedFile& file);

/// An index of a file, read and verified. What a walk jumps about in is copied into large pages: a
/// file's own are small, so that nearly every jump would miss the translation buffer, too.
class OpenedIndex {
 public:
  /// The file must outlive what is returned. `finer`: finer records are copied, too; else they are
  /// read from the file.
  ///   data_loss            damaged
  ///   failed_precondition  of a newer format version
  static Result<std::unique_ptr<const OpenedIndex>> open(const SealedFile& file,
                                                         const IndexPlace& place, bool finer);
  const index::GraphIndex& graph() const noexcept { return *graph_; }
  /// By row of the index.
  std::span<const Offset> offsets() const noexcept { return offsets_span_; }
  const float* norms() const noexcept { return norms_.data(); }
  /// Whether fetch_finer() is to be called before the graph looks at finer records.
  bool finer_in_file() const noexcept { return file_ != nullptr; }
  /// Reads and verifies those of these nodes.
  Status fetch_finer(std::span<const uint32_t> nodes) const;

 private:
  os::LargeArray<uint8_t> records_{0}, fine_{0};
  os::LargeArray<uint32_t> links_{0}, nodes_of_{0};
  os::LargeArray<Offset> offsets_{0};
  os::LargeArray<float> norms_{0};
  std::span<const Offset> offsets_span_;
  const SealedFile* file_ = nullptr;
  Section fine_section_;
  uint64_t fine_bytes_ = 0;  ///< of a node
  std::unique_ptr<const index::GraphIndex> graph_;
};

}  // namespace viridian::segment
