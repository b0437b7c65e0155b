#include "index/bounds.h"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/assert.h"
#include "index/point_map.h"
#include "simd/distance.h"

namespace viridian::index {
namespace {

// All lengths and errors below are at least what they would be without rounding, and are computed
// in double, whose own rounding is nothing beside the margins. u is the rounding error of a float,
// half of FLT_EPSILON.

constexpr uint64_t kRotationSeed = 1;
/// See outermost_level() of records.cpp; here in steps between levels.
constexpr float kOutermost = 2.514F;
constexpr float kMiddle = 7.5F, kGreatest = 15;
/// Vectors so much longer than most have no say in where the centre is.
constexpr float kFar = 4;
/// A centre is kept while another would bring the rows less than this nearer.
constexpr double kKeep = 1.1;
constexpr double kUp = 1 + FLT_EPSILON;

/// Relative to what a sum of simd/distance.h has to be, were all its terms positive: a term is
/// rounded at most thrice, and adding takes dim / 16 + 5 steps.
double sum_error(uint32_t dim) { return (dim / 16.0 + 16) * FLT_EPSILON; }
/// What may get lost of the square root of such a sum where its terms are too small for floats.
double lost_length(uint32_t dim) { return 4e-23 * std::sqrt(dim); }
/// Relative to a rotated vector's length: per round one multiplication and log2 additions.
double rotation_error(uint32_t dim) { return 4.0 * (std::bit_width(dim) + 4) * FLT_EPSILON; }
/// How far a vector that was divided by its length may be from the direction that it stands for.
double direction_error(Space space, uint32_t dim) {
  return space == Space::cosine ? sum_error(dim) + 4 * FLT_EPSILON : 0;
}

double squared(const float* vector, uint32_t dim) {
  float out = 0;
  simd::kernels().squared_norm(vector, dim, 1, &out);
  return double{out};
}
double greatest_length(double squared_length, uint32_t dim) {
  return std::sqrt(squared_length) * (1 + sum_error(dim)) + lost_length(dim);
}
double greatest_distance(const float* a, const float* b, uint32_t dim) {
  float out = 0;
  simd::kernels().l2(a, b, dim, 1, &out);
  return greatest_length(double{out}, dim);
}
/// What a squared length, or that of the sum of two, is not below, where the vector may be off by
/// `error`, and a sum of simd/distance.h of such a length, too. Leaves room for what the kernels of
/// codes round.
double least_squared(double squared_length, double length, double error, uint32_t dim) {
  return squared_length * (1 - 6 * sum_error(dim)) - 2.5 * length * error;
}

/// Squared distances between directions are twice the distances of Space::cosine.
double part_of_squared(Space space) { return space == Space::cosine ? 0.5 : 1; }

void place(Space space, const float* vector, float norm, uint32_t dim, float* out) {
  const float scale = space == Space::cosine ? 1 / norm : 1;
  for (uint32_t i = 0; i < dim; ++i) out[i] = vector[i] * scale;
}

}  // namespace

BoundCoder::BoundCoder(Space space, uint32_t dim)
    : space_(space), dim_(dim), groups_(groups(dim)), rotation_(dim, kRotationSeed) {}

std::shared_ptr<const Centre> BoundCoder::centre_of(std::span<const Row> rows,
                                                    const float* points) const {
  std::vector<float> norms;
  for (const Row& row : rows)
    if (has_point(row)) norms.push_back(row.norm);
  auto centre = std::make_shared<Centre>();
  centre->point.resize(dim_);
  if (!norms.empty()) {
    const auto middle = norms.begin() + static_cast<ptrdiff_t>(norms.size() / 2);
    std::nth_element(norms.begin(), middle, norms.end());
    const float far = space_ == Space::cosine ? FLT_MAX : kFar * *middle;
    std::vector<double> sums(dim_);
    size_t counted = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!has_point(rows[i]) || rows[i].norm > far) continue;
      for (uint32_t at = 0; at < dim_; ++at) sums[at] += double{points[i * dim_ + at]};
      ++counted;
    }
    for (uint32_t at = 0; at < dim_; ++at)
      centre->point[at] = static_cast<float>(sums[at] / static_cast<double>(counted));
  }
  centre->rotated = centre->point;
  rotation_.apply(centre->rotated.data());
  centre->length = greatest_length(squared(centre->point.data(), dim_), dim_);
  return centre;
}

/// How far the points are from the centre, together.
double BoundCoder::spread(const Centre& centre, std::span<const Row> rows,
                          const float* points) const {
  double sum = 0;
  for (size_t i = 0; i < rows.size(); ++i)
    if (has_point(rows[i])) sum += greatest_distance(centre.point.data(), points + i * dim_, dim_);
  return sum;
}

void BoundCoder::encode(std::span<const Row> rows, std::shared_ptr<const Centre>& centre,
                        uint8_t* units) const {
  std::vector<float> points(rows.size() * dim_);
  for (size_t i = 0; i < rows.size(); ++i)
    if (has_point(rows[i])) place(space_, rows[i].vector, rows[i].norm, dim_, &points[i * dim_]);
  auto own = centre_of(rows, points.data());
  if (!centre || spread(*centre, rows, points.data()) > kKeep * spread(*own, rows, points.data()))
    centre = std::move(own);
  std::memset(units, 0, bytes(rows.size()));
  std::vector<float> levels(dim_);
  const size_t padded = bytes(rows.size()) / unit_bytes(dim_) * simd::kUnitRows;
  for (size_t i = 0; i < padded; ++i) {
    uint8_t* const unit = units + i / simd::kUnitRows * unit_bytes(dim_);
    const size_t at = i % simd::kUnitRows;
    auto& header = *reinterpret_cast<simd::UnitHeader*>(unit);
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (i >= rows.size() || !has_point(rows[i])) {
      header.length[at] = i >= rows.size() ? kInfinity : -kInfinity;
      continue;
    }
    float* const point = &points[i * dim_];
    for (uint32_t j = 0; j < dim_; ++j) point[j] -= centre->point[j];
    rotation_.apply(point);
    code(point, levels, header, at);
    for (uint32_t j = 0; j < dim_; ++j) {
      uint8_t& both = unit[sizeof header + j / 8 * simd::kLineBytes + at * 4 + j % 4];
      const auto level = static_cast<uint32_t>(levels[j] + kMiddle);
      both = static_cast<uint8_t>(both | level << (j % 8 < 4 ? 0 : 4));
    }
  }
}

/// Fills in what the header has of a row, relative to the centre and rotated, and its levels.
void BoundCoder::code(const float* vector, std::vector<float>& levels, simd::UnitHeader& header,
                      size_t at) const {
  const double squared_length = squared(vector, dim_);
  const double length = greatest_length(squared_length, dim_);
  const double error = rotation_error(dim_) * length + direction_error(space_, dim_);
  double coded = 0, residual = length;
  const auto deviation = static_cast<float>(std::sqrt(squared_length / dim_));
  const float inverse = kMiddle / (kOutermost * deviation);
  std::fill(levels.begin(), levels.end(), kMiddle - kGreatest);
  if (std::isfinite(inverse)) {
    for (uint32_t i = 0; i < dim_; ++i) {
      const float level = std::clamp(vector[i] * inverse + (kMiddle + 0.5F), 0.0F, kGreatest);
      levels[i] = static_cast<float>(static_cast<int>(level)) - kMiddle;
    }
    float product = 0;
    simd::kernels().dot(vector, levels.data(), dim_, 1, &product);
    const double squared_levels = squared(levels.data(), dim_);
    const auto scale = static_cast<float>(std::max(0.0, double{product} / squared_levels));
    header.scale[at] = scale;
    coded = double{scale} * greatest_length(squared_levels, dim_);
    std::vector<float> scaled(levels);
    for (float& value : scaled) value *= scale;
    residual = greatest_distance(vector, scaled.data(), dim_) + FLT_EPSILON * coded;
  }
  if (space_ != Space::ip)
    header.length[at] = static_cast<float>(part_of_squared(space_) *
                                           least_squared(squared_length, length, error, dim_));
  header.residual[at] = static_cast<float>((residual + error) * kUp);
  header.coded[at] = static_cast<float>(coded * kUp);
}

bool BoundCoder::has_point(const Row& row) const noexcept {
  return PointMap::has_point(space_, row.norm);
}

BoundQuery::BoundQuery(const BoundCoder& coder)
    : coder_(coder),
      rotated_(coder.dim_),
      moved_(coder.dim_),
      levels_(coder.dim_),
      weights_(coder.groups_ * 8) {}

bool BoundQuery::assign(const float* vector) {
  const auto norm = static_cast<float>(std::sqrt(squared(vector, coder_.dim_)));
  if (!PointMap::has_point(coder_.space_, norm)) return false;
  vector_ = vector;
  place(coder_.space_, vector, norm, coder_.dim_, rotated_.data());
  length_ = greatest_length(squared(rotated_.data(), coder_.dim_), coder_.dim_);
  coder_.rotation_.apply(rotated_.data());
  return true;
}

void BoundQuery::move_to(const Centre& centre) {
  const uint32_t dim = coder_.dim_;
  const bool product = coder_.space_ == Space::ip;
  for (uint32_t i = 0; i < dim; ++i) moved_[i] = rotated_[i] - (product ? 0 : centre.rotated[i]);
  const double squared_length = squared(moved_.data(), dim);
  const double length = greatest_length(squared_length, dim);
  const double error = rotation_error(dim) * (length_ + (product ? 0 : centre.length)) +
                       direction_error(coder_.space_, dim);
  float greatest = 0;
  for (const float value : moved_) greatest = std::max(greatest, std::fabs(value));
  const float step = greatest / 127, inverse = 1 / step;
  const int32_t sum = simd::code_kernels().weights(
      moved_.data(), std::isfinite(inverse) ? inverse : 0, dim, weights_.data());
  for (uint32_t i = 0; i < dim; ++i) levels_[i] = static_cast<float>(weights_[i]) * step;
  const double lost = greatest_distance(moved_.data(), levels_.data(), dim);
  // Per row, what the kernel rounds is less than this of the length of what is coded: codes are
  // from 0 on, so that their sums may be thirty times those of levels about 0.
  const double rounded = 64 * FLT_EPSILON * (length + lost);
  const double factor = coder_.space_ == Space::l2 ? 2 : 1;
  double base = 0, of_row = 0;
  if (product) {
    float to_centre = 0;
    simd::kernels().dot(vector_, centre.point.data(), dim, 1, &to_centre);
    of_row = 2 * sum_error(dim) * length_;
    base = 1 - double{to_centre} - 4 * sum_error(dim) * length_ * centre.length -
           8 * FLT_EPSILON * (1 + std::fabs(double{to_centre}));
  } else {
    base = part_of_squared(coder_.space_) * least_squared(squared_length, length, error, dim) -
           4 * direction_error(coder_.space_, dim);
  }
  // What is too small for floats: the kernel's product of scale and factor, above all, which is
  // then multiplied by up to 127 * 7.5 * dim.
  base -= 1e-42 * (dim + 1.0);
  query_ = {weights_.data(),
            coder_.groups_,
            static_cast<float>(sum) * kMiddle,
            static_cast<float>(factor) * step,
            std::nextafter(static_cast<float>(base), -FLT_MAX),
            static_cast<float>((factor * (length + error) + of_row) * (1 + 16 * FLT_EPSILON)),
            static_cast<float>((factor * (lost + error + rounded) + of_row) * kUp)};
}

void BoundQuery::bounds(const uint8_t* units, size_t n, float* out, float* minima) const {
  VIRIDIAN_ASSERT(n % (simd::kUnitRows * simd::kUnitsAtOnce) == 0);
  simd::code_kernels().units(query_, units, n / simd::kUnitRows, out, minima);
}

}  // namespace viridian::index
