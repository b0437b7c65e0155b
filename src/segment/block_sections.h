#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "documents/texts_builder.h"
#include "segment/arena.h"
#include "segment/row_blocks.h"
#include "segment/sealed_file.h"

namespace viridian::segment {

/// What a file has of a block, one after the other.
enum class BlockPart : uint8_t { columns, trigrams, rows, documents, count = 6 };

/// An entry of the section `block_index`.
struct StoredBlock {
  static constexpr uint32_t kThorough = 1;

  struct Place {
    uint64_t begin = 0;
    uint64_t size = 0;  ///< 0: there is no such part
  };
  uint32_t first_row = 0;
  uint32_t rows = 0;
  uint64_t entries = 0;     ///< of its columns
  uint64_t text_bytes = 0;  ///< of its documents
  uint32_t flags = 0;
  uint32_t reserved = 0;
  std::array<Place, static_cast<size_t>(BlockPart::count)> parts = {};  ///< in `blocks`
  Place rows_head, documents_head;                                      ///< in `block_copies`

  const Place& part(BlockPart which) const { return parts[static_cast<size_t>(which)]; }
};
static_assert(sizeof(StoredBlock) == 160);

struct BlockOptions {
  IndexChoice choice = {};
  documents::Effort effort = documents::Effort::thorough;
};

/// Writes the sections `blocks`, `block_index` and `block_copies`, row after row.
class BlockSectionsWriter {
 public:
  /// Rows of a block, less than which it is not worth being kept as it is.
  static constexpr uint32_t kLeastKept = postings::kBlockRows / 4;

  /// `blocks` becomes the writer's current section.
  static Result<BlockSectionsWriter> begin(SealedFileWriter& writer, const BlockOptions& options);
  /// Has its document.
  Status add(const RowView& row);
  /// All rows of a block of another file, which has packed rows, as they are there.
  Status add(const RowBlock& block);
  Status finish();

 private:
  /// Rows for which there is no block yet.
  struct Gathered {
    explicit Gathered(const BlockOptions& options)
        : index(options.choice), rows(options.effort), documents(options.effort) {}
    bool full() const noexcept;

    RowBlockBuilder index;
    documents::TextsBuilder rows, documents;
    Arena arena;
  };

  BlockSectionsWriter(SealedFileWriter& writer, const BlockOptions& options)
      : writer_(&writer), options_(options) {}
  Status write_gathered();
  Status write_part(BlockPart part, os::Bytes bytes, StoredBlock& block);
  Status write_texts(BlockPart part, os::Bytes bytes, StoredBlock& block, StoredBlock::Place& head);
  void end_block(StoredBlock& block);

  SealedFileWriter* writer_;
  BlockOptions options_;
  std::unique_ptr<Gathered> gathered_;
  std::string row_;
  std::vector<StoredBlock> list_;
  std::string copies_;
  uint32_t rows_ = 0;  ///< of the blocks that are written
  uint64_t end_ = 0;   ///< of what is written
};

/// The blocks of a file of `rows` rows, which has them; they have all of its rows.
///   data_loss  they are damaged
Result<std::shared_ptr<const RowBlocks>> read_blocks(std::shared_ptr<const SealedFile> file,
                                                     uint32_t rows);

}  // namespace viridian::segment
