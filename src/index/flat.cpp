#include "index/flat.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/assert.h"
#include "simd/distance.h"

namespace viridian::index {
namespace {

/// Below this many kept entries beyond k, falling back to k would cost more than it saves.
constexpr size_t kSlack = 128;

/// What several queries read again and again: half of a small first-level cache.
constexpr size_t kBlockBytes = 16 << 10;

/// The queries of a tile must stay in the first-level cache beside the rows that stream through.
constexpr size_t kTileBytes = 16 << 10;

/// A word with fewer than one live row in this many is read row by row. Above that, reading
/// everything in sequence is faster.
constexpr size_t kSparse = 4;

float clamp(float distance) {
  constexpr float kMax = std::numeric_limits<float>::max();
  // Written so that NaN goes to the upper bound.
  if (!(distance <= kMax)) return kMax;
  return distance < -kMax ? -kMax : distance;
}

}  // namespace

TopK::TopK(size_t k) : k_(k), full_(k > SIZE_MAX / 2 ? SIZE_MAX : k + std::max(k, kSlack)) {
  reset();
}

void TopK::reset() {
  bound_ = {std::numeric_limits<Offset>::max(), k_ == 0 ? -kNone : kNone};
  kept_.clear();
}

void TopK::shrink() {
  const auto kth = kept_.begin() + static_cast<ptrdiff_t>(k_ - 1);
  std::nth_element(kept_.begin(), kth, kept_.end(), before);
  bound_ = *kth;
  kept_.resize(k_);
}

void TopK::merge(const TopK& other) {
  for (const Neighbour& neighbour : other.kept_) offer(neighbour.distance, neighbour.offset);
}

std::vector<Neighbour> TopK::sorted() {
  if (kept_.size() > k_) shrink();
  std::sort(kept_.begin(), kept_.end(), before);
  std::vector<Neighbour> result = std::move(kept_);
  reset();
  return result;
}

/// Up to 64 rows, contiguous or apart.
struct FlatScanner::Block {
  const float* contiguous = nullptr;    ///< the rows, or null where they lie apart
  const float* const* apart = nullptr;  ///< the rows that lie apart
  const float* norms = nullptr;
  const Offset* offsets = nullptr;
  size_t rows = 0;
  uint64_t live = 0;  ///< which of them count
};

FlatScanner::FlatScanner(Space space, uint32_t dim, const Matrix& queries)
    : space_(space), dim_(dim), queries_(queries) {
  VIRIDIAN_ASSERT(dim > 0 && (queries.rows() == 0 || queries.dim == dim));
  if (space == Space::cosine) {
    query_norms_.resize(queries.rows());
    norms(queries.values.data(), dim, queries.rows(), query_norms_.data());
  }
  // A power of two, so that blocks never straddle words of live bits.
  const size_t fitting = queries.rows() <= 1 ? kBlockRows : kBlockBytes / (dim * sizeof(float));
  block_rows_ = std::clamp(std::bit_floor(fitting), size_t{4}, kBlockRows);
}

void FlatScanner::norms(const float* rows, uint32_t dim, size_t n, float* out) {
  simd::kernels().squared_norm(rows, dim, n, out);
  for (size_t i = 0; i < n; ++i) out[i] = std::sqrt(out[i]);
}

float FlatScanner::distance(float raw, float query_norm, float row_norm) const {
  switch (space_) {
    case Space::l2:
      return clamp(raw);
    case Space::ip:
      return clamp(1.0F - raw);
    case Space::cosine:
      break;
  }
  if (query_norm == 0 || row_norm == 0) return 1.0F;
  const double lengths = double{query_norm} * double{row_norm};
  return clamp(static_cast<float>(1.0 - double{raw} / lengths));
}

void FlatScanner::offer_block(size_t query, const Block& block, const float* raw, size_t stride,
                              TopK& result) const {
  const float query_norm = space_ == Space::cosine ? query_norms_[query] : 0;
  for (uint64_t bits = block.live; bits != 0; bits &= bits - 1) {
    const auto i = static_cast<size_t>(std::countr_zero(bits));
    const float row_norm = space_ == Space::cosine ? block.norms[i] : 0;
    result.offer(distance(raw[i * stride], query_norm, row_norm), block.offsets[i]);
  }
}

void FlatScanner::scan_tile(size_t query, const Block& block, std::span<TopK> results) const {
  const simd::Kernels& kernels = simd::kernels();
  float raw[kBlockRows * simd::kTileQueries];
  (space_ == Space::l2 ? kernels.l2_tile : kernels.dot_tile)(queries_.row(query), block.contiguous,
                                                             dim_, block.rows, raw);
  for (size_t i = 0; i < simd::kTileQueries; ++i) {
    offer_block(query + i, block, raw + i, simd::kTileQueries, results[query + i]);
  }
}

void FlatScanner::scan_block(const Block& block, std::span<TopK> results) const {
  const simd::Kernels& kernels = simd::kernels();
  const bool l2 = space_ == Space::l2;
  size_t q = 0;
  if (block.contiguous != nullptr && simd::kTileQueries * dim_ * sizeof(float) <= kTileBytes) {
    for (; q + simd::kTileQueries <= results.size(); q += simd::kTileQueries) {
      scan_tile(q, block, results);
    }
  }
  float raw[kBlockRows];
  for (; q < results.size(); ++q) {
    const float* query = queries_.row(q);
    if (block.contiguous != nullptr) {
      (l2 ? kernels.l2 : kernels.dot)(query, block.contiguous, dim_, block.rows, raw);
    } else {
      (l2 ? kernels.l2_gather : kernels.dot_gather)(query, block.apart, dim_, block.rows, raw);
    }
    offer_block(q, block, raw, 1, results[q]);
  }
}

/// Live rows of words that are mostly dead, collected until they make a block.
struct FlatScanner::Sparse {
  std::array<const float*, 2 * kBlockRows> rows;
  std::array<float, 2 * kBlockRows> norms;
  std::array<Offset, 2 * kBlockRows> offsets;
  size_t size = 0;
};

void FlatScanner::scan(const float* rows, const float* norms, const Offset* offsets,
                       const uint64_t* live_bits, size_t n, std::span<TopK> results) const {
  VIRIDIAN_ASSERT(results.size() == queries());
  Sparse sparse;
  const auto flush = [&] {
    gather({sparse.rows.data(), sparse.size}, sparse.norms.data(),
           {sparse.offsets.data(), sparse.size}, results);
    sparse.size = 0;
  };
  for (size_t word = 0; word * 64 < n; ++word) {
    const size_t begin = word * 64, count = std::min<size_t>(64, n - begin);
    uint64_t live = live_bits == nullptr ? ~uint64_t{0} : live_bits[word];
    live &= ~uint64_t{0} >> (64 - count);
    if (static_cast<size_t>(std::popcount(live)) * kSparse < count) {
      for (; live != 0; live &= live - 1, ++sparse.size) {
        const size_t i = begin + static_cast<size_t>(std::countr_zero(live));
        sparse.rows[sparse.size] = rows + i * dim_;
        sparse.norms[sparse.size] = norms == nullptr ? 0 : norms[i];
        sparse.offsets[sparse.size] = offsets[i];
      }
      if (sparse.size >= kBlockRows) flush();
      continue;
    }
    for (size_t skip = 0; skip < count; skip += block_rows_) {
      const size_t first = begin + skip, size = std::min(block_rows_, count - skip);
      scan_block({rows + first * dim_, nullptr, norms == nullptr ? nullptr : norms + first,
                  offsets + first, size, (live >> skip) & (~uint64_t{0} >> (64 - size))},
                 results);
    }
  }
  flush();
}

void FlatScanner::gather(std::span<const float* const> rows, const float* norms,
                         std::span<const Offset> offsets, std::span<TopK> results) const {
  VIRIDIAN_ASSERT(results.size() == queries() && offsets.size() == rows.size());
  for (size_t first = 0; first < rows.size(); first += block_rows_) {
    const size_t count = std::min(block_rows_, rows.size() - first);
    const uint64_t live = ~uint64_t{0} >> (64 - count);
    const float* block_norms = norms == nullptr ? nullptr : norms + first;
    scan_block({nullptr, &rows[first], block_norms, &offsets[first], count, live}, results);
  }
}

}  // namespace viridian::index
