#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "index/bounds.h"
#include "os/large_array.h"
#include "segment/stable_array.h"
#include "viridian/base/result.h"

namespace viridian::segment {

class VectorPart;

/// Codes of a part's first rows, by which a search can rule out most of them. Made in blocks, by
/// searches, so that neither writers nor parts that nobody searches pay for them; kept in memory.
/// Thread-safe.
class CodedRows {
 public:
  static constexpr uint32_t kBlockRows = 256;
  /// Vectors with fewer values are read about as quickly as their codes.
  static constexpr uint32_t kLeastDim = 32;

  struct Block {
    os::LargeArray<uint8_t> units;
    std::shared_ptr<const index::Centre> centre;
  };

  /// How many of the part's rows have codes: whole blocks, or all rows.
  uint32_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  /// Block i holds the rows from i * kBlockRows on, and is below size().
  const Block& block(uint32_t i) const { return *blocks_[i]; }
  /// There are coded rows.
  const index::BoundCoder& coder() const { return *coder_; }
  uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  /// What those of so many rows take at most.
  static uint64_t most_bytes(uint32_t dim, uint64_t rows) noexcept;

  /// Codes some more of the part's first `rows` rows, a few milliseconds' work at most. `all`: the
  /// part will have no others, so that its last block may be smaller. Returns at once where another
  /// thread is at it.
  Status extend(const VectorPart& part, Space space, uint32_t dim, uint32_t rows, bool all);

 private:
  Status add_block(const VectorPart& part, uint32_t begin, uint32_t count);

  std::mutex mutex_;  ///< held by the one who adds blocks
  std::optional<index::BoundCoder> coder_;
  std::shared_ptr<const index::Centre> centre_;
  StableArray<std::unique_ptr<const Block>> blocks_;
  std::atomic<uint32_t> size_ = 0;
  std::atomic<uint64_t> bytes_ = 0;
};

}  // namespace viridian::segment
