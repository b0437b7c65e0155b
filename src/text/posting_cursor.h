#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "postings/row_set.h"
#include "text/terms_index.h"

namespace viridian::text {

/// Reads a posting list by blocks, each with bounds of what is in it. Moves forward only. The
/// list's index must outlive it. Not thread-safe.
class PostingCursor {
 public:
  struct Block {
    postings::Row first = 0;  ///< its rows are from first to last, which is one of them
    postings::Row last = 0;
    uint32_t postings = 0;
    uint32_t max_frequency = 0;
    uint32_t min_length = 0;
    size_t begin = 0;  ///< byte of the list
  };

  /// False where the bytes are no list of the index: damaged.
  [[nodiscard]] bool open(const TermsIndex& index, const PostingList& list);

  const std::vector<Block>& blocks() const noexcept { return blocks_; }
  /// The block that it is at; blocks().size() at the end.
  size_t block() const noexcept { return block_; }
  /// Goes on to the block that holds `row` or begins behind it.
  void skip_to(uint32_t row) noexcept {
    while (block_ < blocks_.size() && blocks_[block_].last < row) ++block_;
  }

  /// Reads the block that it is at; quick where that was done. False: damaged.
  [[nodiscard]] bool load() { return loaded_ == block_ || read_block(); }
  /// Of the block that was loaded.
  std::span<const postings::Row> rows() const noexcept { return rows_; }
  uint32_t frequency(size_t posting) const noexcept { return frequencies_[posting]; }

 private:
  static constexpr size_t kNone = SIZE_MAX;
  bool open_blocks(uint32_t rows, uint32_t documents);
  bool read_block();
  bool read_frequencies(std::span<const std::byte> bytes, const Block& block);

  std::span<const std::byte> bytes_;
  std::vector<Block> blocks_;
  size_t block_ = 0;
  size_t loaded_ = kNone;
  std::vector<postings::Row> rows_;
  std::array<uint16_t, kPostingsPerBlock> frequencies_{};
};

}  // namespace viridian::text
