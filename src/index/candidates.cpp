#include "index/candidates.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "index/sortable.h"
#include "simd/codes.h"

namespace viridian::index {
namespace {

constexpr size_t kMinima = 64;

/// What at least k of the minima, each the distance of another column, do not exceed, and not many
/// more: how few decides only how much is sorted.
float bound_of(const float* minima, size_t k) {
  constexpr float kNone = std::numeric_limits<float>::max();
  constexpr int kHalvings = 8;
  float low = kNone, high = std::numeric_limits<float>::lowest();
  size_t columns = 0;
  for (size_t i = 0; i < kMinima; ++i) {
    low = std::min(low, minima[i]);
    high = std::max(high, minima[i] == kNone ? low : minima[i]);
    columns += minima[i] == kNone ? 0 : 1;
  }
  if (columns <= k) return high;
  for (int i = 0; i < kHalvings; ++i) {
    const float middle = low + (high - low) / 2;
    int below = 0;
    for (size_t j = 0; j < kMinima; ++j) below += minima[j] <= middle ? 1 : 0;
    (static_cast<size_t>(below) >= k ? high : low) = middle;
  }
  return high;
}

}  // namespace

std::span<const Candidate> NearestColumns::of(std::span<const float> distances, const float* minima,
                                              size_t k) {
  VIRIDIAN_ASSERT(k > 0 && k <= kMinima);
  below_.resize(distances.size());
  const size_t count = simd::code_kernels().below(distances.data(), bound_of(minima, k),
                                                  distances.size(), below_.data());
  keys_.resize(count);
  for (size_t i = 0; i < count; ++i)
    keys_[i] = uint64_t{sortable(distances[below_[i]])} << 32 | below_[i];
  std::sort(keys_.begin(), keys_.end());
  found_.resize(std::min(k, count));
  for (size_t i = 0; i < found_.size(); ++i) {
    const auto column = static_cast<uint32_t>(keys_[i]);
    found_[i] = {distances[column], column};
  }
  return found_;
}

}  // namespace viridian::index
