#include "index/point_map.h"

#include <algorithm>
#include <cmath>

namespace viridian::index {
namespace {

constexpr float kLeastNorm = 1e-18F, kGreatestNorm = 1e18F;
/// The centre is the mean of at most so many vectors, at even distances.
constexpr uint32_t kSample = 16384;
constexpr uint64_t kRotationSeed = 1;

/// The power of two that brings `greatest` to between 1/2 and 1.
float scale_for(float greatest) {
  if (greatest <= 0) return 1;
  int exponent = 0;
  (void)std::frexp(greatest, &exponent);
  return std::ldexp(1.0F, -exponent);
}

}  // namespace

PointMap::PointMap(Space space, uint32_t dim, PointFit fit)
    : space_(space),
      dim_(dim),
      fit_(std::move(fit)),
      rotation_(point_dim(space, dim), kRotationSeed) {}

bool PointMap::has_point(Space space, float norm) noexcept {
  return norm <= kGreatestNorm && (space != Space::cosine || norm >= kLeastNorm);
}

Result<PointFit> PointMap::fit(const Context& context, const RowSource& rows, Space space) {
  PointFit fit;
  const uint32_t dim = rows.dim();
  if (space != Space::cosine) {
    float greatest = 0;
    for (uint32_t row = 0; row < rows.rows(); ++row) {
      VIRIDIAN_TRY(const float norm, rows.norm(row));
      if (has_point(space, norm)) greatest = std::max(greatest, norm);
    }
    fit.scale = scale_for(greatest);
    fit.radius = greatest * fit.scale;
  }
  std::vector<float> placed(point_dim(space, dim));
  std::vector<double> sums(placed.size());
  const uint32_t step = std::max<uint32_t>(1, rows.rows() / kSample);
  uint32_t counted = 0;
  for (uint32_t row = 0; row < rows.rows(); row += step) {
    if (counted % 1024 == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const float norm, rows.norm(row));
    if (!has_point(space, norm)) continue;
    VIRIDIAN_TRY(const float* const vector, rows.vector(row));
    place(space, dim, fit, vector, norm, placed.data());
    for (size_t i = 0; i < placed.size(); ++i) sums[i] += double{placed[i]};
    ++counted;
  }
  for (const double sum : sums)
    fit.centre.push_back(counted == 0 ? 0 : static_cast<float>(sum / counted));
  return fit;
}

void PointMap::place(Space space, uint32_t dim, const PointFit& fit, const float* vector,
                     float norm, float* out) {
  const float scale = space == Space::cosine ? 1 / norm : fit.scale;
  for (uint32_t i = 0; i < dim; ++i) out[i] = vector[i] * scale;
  if (space != Space::ip) return;
  const float length = norm * scale;
  out[dim] = std::sqrt(std::max(0.0F, fit.radius * fit.radius - length * length));
}

void PointMap::finish(float* out) const {
  for (size_t i = 0; i < fit_.centre.size(); ++i) out[i] -= fit_.centre[i];
  rotation_.apply(out);
}

void PointMap::point(const float* vector, float norm, float* out) const {
  place(space_, dim_, fit_, vector, norm, out);
  finish(out);
}

bool PointMap::query(const float* vector, float norm, float* out) const {
  const bool needs_direction = space_ != Space::l2;
  if (!has_point(needs_direction ? Space::cosine : space_, norm)) return false;
  const float scale = space_ == Space::l2   ? fit_.scale
                      : space_ == Space::ip ? fit_.radius / norm
                                            : 1 / norm;
  // Beside rows that are far smaller.
  if (norm * scale > kGreatestNorm) return false;
  for (uint32_t i = 0; i < dim_; ++i) out[i] = vector[i] * scale;
  if (space_ == Space::ip) out[dim_] = 0;
  finish(out);
  return true;
}

}  // namespace viridian::index
