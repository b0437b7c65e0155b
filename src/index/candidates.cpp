#include "index/candidates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/assert.h"
#include "simd/codes.h"

namespace viridian::index {

std::span<const Candidate> NearestColumns::of(std::span<const float> distances, const float* minima,
                                              size_t k) {
  std::array<float, 64> least;
  VIRIDIAN_ASSERT(k > 0 && k <= least.size());
  std::copy_n(minima, least.size(), least.begin());
  // Each of the minima is a distance of another column, so at least k columns are as near as the
  // k-th of them.
  std::nth_element(least.begin(), least.begin() + static_cast<ptrdiff_t>(k - 1), least.end());
  constexpr float kNone = std::numeric_limits<float>::max();
  const float bound = std::min(least[k - 1], std::nextafter(kNone, 0.0F));
  below_.resize(distances.size());
  const size_t count =
      simd::code_kernels().below(distances.data(), bound, distances.size(), below_.data());
  found_.clear();
  for (size_t i = 0; i < count; ++i) found_.push_back({distances[below_[i]], below_[i]});
  std::sort(found_.begin(), found_.end());
  if (found_.size() > k) found_.resize(k);
  return found_;
}

}  // namespace viridian::index
