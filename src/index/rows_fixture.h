#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/flat.h"
#include "index/random.h"
#include "index/row_source.h"

namespace viridian::index {

/// Between -1 and 1.
inline float real(uint64_t seed, uint64_t n) {
  return static_cast<float>(random_number(seed, n) >> 40) / static_cast<float>(1 << 23) - 1;
}

/// Rows about some centres, so that there is something to find.
inline std::vector<float> clustered(size_t rows, uint32_t dim, uint64_t seed) {
  constexpr size_t kCentres = 50;
  std::vector<float> values(rows * dim);
  for (size_t row = 0; row < rows; ++row) {
    const uint64_t centre = random_number(seed, row) % kCentres;
    for (uint32_t i = 0; i < dim; ++i)
      values[row * dim + i] = real(1, centre * dim + i) + real(seed + 2, row * dim + i) * 0.7F;
  }
  return values;
}

/// Rows that lie one after the other in memory.
class Rows final : public RowSource {
 public:
  Rows(const std::vector<float>& values, uint32_t dim)
      : values_(values), dim_(dim), norms_(values.size() / dim) {
    FlatScanner::norms(values.data(), dim, norms_.size(), norms_.data());
  }
  uint32_t rows() const override { return static_cast<uint32_t>(norms_.size()); }
  uint32_t dim() const override { return dim_; }
  Result<const float*> vector(uint32_t row) const override { return &values_[size_t{row} * dim_]; }
  Result<float> norm(uint32_t row) const override { return norms_[row]; }

 private:
  const std::vector<float>& values_;
  uint32_t dim_;
  std::vector<float> norms_;
};

}  // namespace viridian::index
