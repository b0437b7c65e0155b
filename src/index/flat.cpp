#include "index/flat.h"

#include <algorithm>
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
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  bound_ = {std::numeric_limits<Offset>::max(), k_ == 0 ? -kInfinity : kInfinity};
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

void FlatScanner::offer_block(size_t query, const Block& block, const float* raw,
                              TopK& result) const {
  const float query_norm = space_ == Space::cosine ? query_norms_[query] : 0;
  for (uint64_t bits = block.live; bits != 0; bits &= bits - 1) {
    const auto i = static_cast<size_t>(std::countr_zero(bits));
    const float row_norm = space_ == Space::cosine ? block.norms[i] : 0;
    result.offer(distance(raw[i], query_norm, row_norm), block.offsets[i]);
  }
}

void FlatScanner::scan_block(const Block& block, std::span<TopK> results) const {
  const simd::Kernels& kernels = simd::kernels();
  const bool l2 = space_ == Space::l2;
  float raw[kBlockRows];
  for (size_t q = 0; q < results.size(); ++q) {
    const float* query = queries_.row(q);
    if (block.contiguous != nullptr) {
      (l2 ? kernels.l2 : kernels.dot)(query, block.contiguous, dim_, block.rows, raw);
    } else {
      (l2 ? kernels.l2_gather : kernels.dot_gather)(query, block.apart, dim_, block.rows, raw);
    }
    offer_block(q, block, raw, results[q]);
  }
}

void FlatScanner::scan(const float* rows, const float* norms, const Offset* offsets,
                       const uint64_t* live_bits, size_t n, std::span<TopK> results) const {
  VIRIDIAN_ASSERT(results.size() == queries());
  for (size_t first = 0; first < n;) {
    const size_t count = std::min(block_rows_, n - first);
    uint64_t live = ~uint64_t{0};
    if (live_bits != nullptr) {
      live = live_bits[first / 64] >> (first % 64);
      if (live == 0) {
        first += 64 - first % 64;
        continue;
      }
    }
    live &= ~uint64_t{0} >> (64 - count);
    const float* block_norms = norms == nullptr ? nullptr : norms + first;
    scan_block({rows + first * dim_, nullptr, block_norms, offsets + first, count, live}, results);
    first += count;
  }
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
