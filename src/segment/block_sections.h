#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "segment/row_blocks.h"
#include "segment/sealed_file.h"

namespace viridian::segment {

/// What a file has of a block, one after the other.
enum class BlockPart : uint8_t { columns, trigrams, count = 4 };

/// An entry of the section `block_list`: places are in the section `blocks`.
struct StoredBlock {
  struct Place {
    uint64_t begin = 0;
    uint64_t size = 0;  ///< 0: there is no such part
  };
  uint32_t first_row = 0;
  uint32_t rows = 0;
  uint64_t entries = 0;     ///< of its columns
  uint64_t text_bytes = 0;  ///< of its documents
  std::array<Place, static_cast<size_t>(BlockPart::count)> parts = {};
};
static_assert(sizeof(StoredBlock) == 88);

/// Writes the sections `blocks` and `block_list`, row after row.
class BlockSectionsWriter {
 public:
  /// `blocks` becomes the writer's current section.
  static Result<BlockSectionsWriter> begin(SealedFileWriter& writer, bool index_documents);
  /// The row must live until the block is written, with a later one or at the end.
  Status add(const RowView& row);
  Status finish();

 private:
  BlockSectionsWriter(SealedFileWriter& writer, bool index_documents)
      : writer_(&writer), builder_(index_documents) {}
  Status write_block();
  Status write_part(BlockPart part, const std::string& bytes, StoredBlock& block);

  SealedFileWriter* writer_;
  RowBlockBuilder builder_;
  std::vector<StoredBlock> list_;
  uint32_t rows_ = 0;  ///< of the blocks that are written
  uint64_t end_ = 0;   ///< of what is written
};

/// The blocks of a file of `rows` rows; none, where it has no such sections.
///   data_loss  they are damaged
Result<std::shared_ptr<const RowBlocks>> read_blocks(std::shared_ptr<const SealedFile> file,
                                                     uint32_t rows);

}  // namespace viridian::segment
