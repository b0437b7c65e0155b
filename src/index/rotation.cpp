#include "index/rotation.h"

#include <bit>
#include <cmath>

#include "index/random.h"
#include "simd/codes.h"

namespace viridian::index {
namespace {

constexpr size_t kRounds = 4;

}  // namespace

Rotation::Rotation(uint32_t dim, uint64_t seed)
    : dim_(dim), part_(std::bit_floor(dim)), signs_(kRounds * dim) {
  const float scale = 1 / std::sqrt(static_cast<float>(part_));
  for (size_t round = 0; round < kRounds; ++round) {
    const size_t begin = round % 2 == 0 ? 0 : dim - part_;
    for (size_t i = 0; i < dim; ++i) {
      const bool within = i >= begin && i < begin + part_;
      const float sign = (random_number(seed, round * dim + i) & 1) != 0 ? 1.0F : -1.0F;
      signs_[round * dim + i] = within ? sign * scale : sign;
    }
  }
}

void Rotation::apply(float* vector) const {
  const auto hadamard = simd::code_kernels().hadamard;
  for (size_t round = 0; round < kRounds; ++round) {
    const float* const signs = signs_.data() + round * dim_;
    for (size_t i = 0; i < dim_; ++i) vector[i] *= signs[i];
    hadamard(vector + (round % 2 == 0 ? 0 : dim_ - part_), part_);
  }
}

}  // namespace viridian::index
