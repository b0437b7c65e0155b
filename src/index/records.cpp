#include "index/records.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/assert.h"

namespace viridian::index {
namespace {

/// The outermost of the evenly spaced levels that code a standard normal value with the least
/// squared error ("Quantizing for Minimum Distortion", Max 1960, table II); for 8 bits, of which 7
/// are used, it was found by search.
float outermost_level(uint32_t bits) {
  switch (bits) {
    case 1:
      return 0.7979F;
    case 2:
      return 1.4935F;
    case 4:
      return 2.5140F;
    default:
      return 3.9F;
  }
}

/// Rounding each value of a query by up to half a step changes its estimated product with a vector
/// of its length by step * length / sqrt(12), a standard deviation, and the distance by twice that.
/// More than eight of these, as vectors that records stand for are a little longer than their own.
constexpr float kOwnRounding = 5;

int greatest_code(uint32_t bits) { return bits == 8 ? 127 : (1 << bits) - 1; }

simd::RecordKernel kernel_of(uint32_t bits) {
  const simd::CodeKernels& kernels = simd::code_kernels();
  switch (bits) {
    case 1:
      return kernels.records1;
    case 2:
      return kernels.records2;
    case 4:
      return kernels.records4;
    default:
      return kernels.records8;
  }
}

/// A sum in lanes, in one order whatever the machine.
struct Lanes {
  static constexpr size_t kLanes = 16;
  std::array<float, kLanes> sums{};
  float total() {
    for (size_t half = kLanes / 2; half > 0; half /= 2)
      for (size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
    return sums[0];
  }
};

/// Calls use(i, lane) for all i below n: in whole runs of lanes, which compilers turn into vectors.
template <class Use>
void for_lanes(uint32_t n, Use&& use) {
  uint32_t i = 0;
  for (; i + Lanes::kLanes <= n; i += Lanes::kLanes)
    for (uint32_t lane = 0; lane < Lanes::kLanes; ++lane) use(i + lane, lane);
  for (uint32_t lane = 0; i < n; ++i, ++lane) use(i, lane);
}

float squared_length(const float* vector, uint32_t dim) {
  Lanes squares;
  for_lanes(dim, [&](uint32_t i, size_t lane) { squares.sums[lane] += vector[i] * vector[i]; });
  return squares.total();
}

size_t planes_of(uint32_t bits) { return 8 / bits; }

}  // namespace

RecordCoder::RecordCoder(uint32_t dim, uint32_t bits)
    : dim_(dim),
      bits_(bits),
      width_(static_cast<uint32_t>((dim + planes_of(bits) - 1) / planes_of(bits))),
      lines_((width_ + sizeof(simd::RecordTail) + simd::kLineBytes - 1) / simd::kLineBytes) {
  VIRIDIAN_ASSERT(dim > 0 && (bits == 1 || bits == 2 || bits == 4 || bits == 8));
}

// With squared errors e of codes of normal values of variance 1 (Max 1960, tables I and II),
// products of unit vectors are estimated with a deviation of sqrt(e / (1 - e) / dim).
float RecordCoder::deviation() const noexcept {
  const float error = bits_ == 1 ? 0.3634F : bits_ == 2 ? 0.1188F : bits_ == 4 ? 0.0115F : 0.0004F;
  return 2 * std::sqrt(error / (1 - error) / static_cast<float>(dim_));
}

void RecordCoder::encode(const float* vector, uint32_t row, uint8_t* record) const {
  std::memset(record, 0, bytes());
  const float length = squared_length(vector, dim_);
  simd::RecordTail tail{0, length, row};
  const float deviation = std::sqrt(length / static_cast<float>(dim_));
  const float outermost = outermost_level(bits_) * deviation;
  const auto greatest = static_cast<float>(greatest_code(bits_));
  const float step = 2 * outermost / greatest;
  const float inverse = 1 / step;
  // A vector that is (nearly) the centre: all its products are 0.
  if (std::isfinite(inverse)) {
    Lanes products;
    for (uint32_t begin = 0, shift = 0; begin < dim_; begin += width_, shift += bits_) {
      const float* const values = vector + begin;
      for_lanes(std::min(width_, dim_ - begin), [&](uint32_t i, size_t lane) {
        const float level = (values[i] + outermost) * inverse + 0.5F;
        const auto code = static_cast<int>(std::min(std::max(level, 0.0F), greatest));
        record[i] = static_cast<uint8_t>(record[i] | code << shift);
        products.sums[lane] += (static_cast<float>(code) * step - outermost) * values[i];
      });
    }
    // So that the estimate of the vector's product with itself is right.
    const float product = products.total();
    tail.scale = product > 0 ? step * (length / product) : step;
  }
  std::memcpy(record + bytes() - sizeof tail, &tail, sizeof tail);
}

simd::RecordTail RecordCoder::tail(const uint8_t* record) const noexcept {
  simd::RecordTail tail;
  std::memcpy(&tail, record + bytes() - sizeof tail, sizeof tail);
  return tail;
}

RecordQuery::RecordQuery(const RecordCoder& coder)
    : coder_(coder),
      kernel_(kernel_of(coder.bits())),
      weights_(planes_of(coder.bits()) * coder.bytes()),
      query_{weights_.data(), coder.lines(), 0, 0} {
  std::fill_n(weights_.data(), planes_of(coder.bits()) * coder.bytes(), int8_t{0});
}

void RecordQuery::assign(const float* vector) {
  float greatest = 0;
  for (uint32_t i = 0; i < coder_.dim_; ++i) greatest = std::max(greatest, std::fabs(vector[i]));
  const float step = greatest / 127;
  const float inverse = 1 / step;
  int32_t sum = 0;
  int8_t* plane = weights_.data();
  for (uint32_t begin = 0; begin < coder_.dim_; begin += coder_.width_) {
    const uint32_t count = std::min(coder_.width_, coder_.dim_ - begin);
    sum += simd::code_kernels().weights(vector + begin, std::isfinite(inverse) ? inverse : 0, count,
                                        plane);
    plane += coder_.bytes();
  }
  // The levels are (code - greatest_code / 2) * scale.
  query_.bias = static_cast<float>(sum) * (static_cast<float>(greatest_code(coder_.bits())) / 2);
  query_.factor = 2 * step;
  const float length = squared_length(vector, coder_.dim_);
  own_ = kOwnRounding * step * std::sqrt(length) - length;
}

}  // namespace viridian::index
