#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "viridian/model/columns.h"
#include "viridian/model/ids.h"
#include "viridian/model/schema.h"
#include "viridian/spi/segments.h"

namespace viridian::index {

/// Keeps the k smallest of the neighbours it is offered, by (distance, offset). The result does not
/// depend on the order of the offers. Distances must not be NaN; a pair must be offered once.
/// Memory grows with what is kept, not with k. One thread at a time.
class TopK {
 public:
  explicit TopK(size_t k);

  /// What is greater is certain to be rejected; what is equal or less may be. Never grows.
  float bound() const noexcept { return bound_.distance; }
  size_t k() const noexcept { return k_; }
  /// The k-th smallest distance so far, infinity while there are fewer.
  float kth() {
    if (kept_.size() > k_ || (kept_.size() == k_ && bound_.distance == kNone)) shrink();
    return bound_.distance;
  }
  void offer(float distance, Offset offset) {
    const Neighbour neighbour{offset, distance};
    if (!before(neighbour, bound_)) return;
    kept_.push_back(neighbour);
    if (kept_.size() >= full_) shrink();
  }
  /// Offers everything `other` holds; both may be of different k.
  void merge(const TopK& other);
  /// The k smallest, or all where there were fewer, ascending. Leaves this as after construction.
  std::vector<Neighbour> sorted();

 private:
  static constexpr float kNone = std::numeric_limits<float>::infinity();
  static bool before(const Neighbour& a, const Neighbour& b) noexcept {
    return a.distance != b.distance ? a.distance < b.distance : a.offset < b.offset;
  }
  void reset();
  void shrink();

  size_t k_;
  size_t full_;      ///< entries at which to fall back to k
  Neighbour bound_;  ///< the k-th smallest when last counted; nothing above it is kept
  std::vector<Neighbour> kept_;
};

/// Exact search by reading every row. Distances are those of Space, in float, by the kernels of
/// simd/distance.h, hence the same on every machine; what overflows is clamped to the largest
/// float of its sign, NaN to the largest float. Immutable, so thread-safe.
class FlatScanner {
 public:
  /// `queries` must outlive this and hold rows of `dim` floats.
  FlatScanner(Space space, uint32_t dim, const Matrix& queries);

  size_t queries() const noexcept { return queries_.rows(); }

  /// Offers n rows' distances to results[q] for every query q, which has one TopK each.
  ///   rows       n * dim floats, row after row
  ///   norms      norms() of the rows for Space::cosine; else unused and may be null
  ///   offsets    one per row
  ///   live_bits  row i counts if bit i % 64 of word i / 64 is set; null: all rows count
  void scan(const float* rows, const float* norms, const Offset* offsets, const uint64_t* live_bits,
            size_t n, std::span<TopK> results) const;
  /// The same for rows that lie apart: row i is rows[i], norms[i], offsets[i].
  void gather(std::span<const float* const> rows, const float* norms,
              std::span<const Offset> offsets, std::span<TopK> results) const;
  /// The Euclidean length of each of n rows.
  static void norms(const float* rows, uint32_t dim, size_t n, float* out);

 private:
  /// At most this many rows go through a kernel at once: one word of live bits.
  static constexpr size_t kBlockRows = 64;
  struct Block;
  struct Sparse;

  void scan_block(const Block& block, std::span<TopK> results) const;
  void scan_tile(size_t query, const Block& block, std::span<TopK> results) const;
  void offer_block(size_t query, const Block& block, const float* raw, size_t stride,
                   TopK& result) const;
  float distance(float raw, float query_norm, float row_norm) const;

  Space space_;
  uint32_t dim_;
  const Matrix& queries_;
  std::vector<float> query_norms_;  ///< cosine only
  size_t block_rows_;
};

}  // namespace viridian::index
