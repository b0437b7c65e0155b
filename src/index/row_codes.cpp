#include "index/row_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace viridian::index {
namespace {

constexpr float kGreatest = 63;

size_t stride_for(uint32_t dim) { return (size_t{dim} + 63) / 64 * 64; }

}  // namespace

size_t RowCodes::bytes_per_row(uint32_t dim) {
  return stride_for(dim) + 2 * sizeof(float) + sizeof(int32_t);
}

RowCodes::RowCodes(size_t rows, uint32_t dim)
    : dim_(dim),
      stride_(stride_for(dim)),
      codes_(rows * stride_),
      scales_(rows),
      lengths_(rows),
      sums_(rows) {}

void RowCodes::set(size_t row, const float* vector) {
  float greatest = 0;
  for (uint32_t i = 0; i < dim_; ++i) greatest = std::max(greatest, std::fabs(vector[i]));
  const float scale = greatest / kGreatest;
  const float inverse = std::isfinite(1 / scale) ? 1 / scale : 0;
  int8_t* const code = codes_.data() + row * stride_;
  int32_t sum = 0, squares = 0;
  for (uint32_t i = 0; i < dim_; ++i) {
    const float scaled = vector[i] * inverse;
    const auto value = static_cast<int32_t>(scaled + (scaled < 0 ? -0.5F : 0.5F));
    code[i] = static_cast<int8_t>(value);
    sum += value;
    squares += value * value;
  }
  std::memset(code + dim_, 0, stride_ - dim_);
  scales_[row] = scale;
  lengths_[row] = scale * scale * static_cast<float>(squares);
  sums_[row] = sum;
}

void RowCodes::left(size_t row, uint8_t* out) const {
  const int8_t* const from = code(row);
  for (size_t i = 0; i < stride_; ++i) out[i] = static_cast<uint8_t>(from[i] + kOffset);
}

void RowDistances::from(size_t row) {
  codes_.left(row, left_.data());
  scale_ = 2 * codes_.scale(row);
  length_ = codes_.length(row);
}

void RowDistances::to(std::span<const uint32_t> rows, float* out) {
  pointers_.resize(rows.size());
  products_.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) pointers_[i] = codes_.code(rows[i]);
  simd::code_kernels().dot(left_.data(), pointers_.data(), codes_.stride(), rows.size(),
                           products_.data());
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto product = static_cast<float>(products_[i] - codes_.bias(rows[i]));
    out[i] = (length_ + codes_.length(rows[i])) - (scale_ * codes_.scale(rows[i])) * product;
  }
}

void Tile::assign(std::span<const uint32_t> rows) {
  constexpr size_t kBlock = simd::kTileColumns;
  const size_t stride = codes_.stride();
  const size_t columns = (rows.size() + kBlock - 1) / kBlock * kBlock;
  packed_.assign(columns * stride, 0);
  scales_.assign(columns, 0);
  lengths_.assign(columns, std::numeric_limits<float>::max());
  biases_.assign(columns, 0);
  for (size_t c = 0; c < rows.size(); ++c) {
    const int8_t* const code = codes_.code(rows[c]);
    int8_t* to = packed_.data() + c / kBlock * kBlock * stride + c % kBlock * 4;
    for (size_t at = 0; at < stride; at += 4, to += kBlock * 4) std::memcpy(to, code + at, 4);
    scales_[c] = codes_.scale(rows[c]);
    lengths_[c] = codes_.length(rows[c]);
    biases_[c] = codes_.bias(rows[c]);
  }
}

void Tile::distances(std::span<const uint32_t> from, float* out, float* minima) {
  const simd::CodeKernels& kernels = simd::code_kernels();
  const size_t stride = codes_.stride();
  left_.resize(simd::kTileRows * stride);
  products_.resize(simd::kTileRows * columns());
  for (size_t r = 0; r < from.size(); ++r) codes_.left(from[r], left_.data() + r * stride);
  kernels.tile(left_.data(), stride, packed_.data(), stride, columns() / simd::kTileColumns,
               products_.data(), columns());
  for (size_t r = 0; r < from.size(); ++r)
    kernels.distances(products_.data() + r * columns(), biases_.data(), scales_.data(),
                      lengths_.data(), codes_.length(from[r]), 2 * codes_.scale(from[r]), columns(),
                      out + r * columns(), minima + r * 64);
}

}  // namespace viridian::index
