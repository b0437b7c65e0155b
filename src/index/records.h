#pragma once
#include <cstddef>
#include <cstdint>

#include "os/large_array.h"
#include "simd/codes.h"

namespace viridian::index {

/// How vectors are coded in records: each value by `bits` bits, at evenly spaced levels about 0,
/// whose distance fits the vector's length. After Extended RaBitQ (Gao, Long 2024): a rotated
/// vector's values are nearly normally distributed, so levels that are best for that distribution
/// serve all; and a factor of each vector's own makes the estimates of products unbiased.
class RecordCoder {
 public:
  /// bits: 1, 2, 4 or 8.
  RecordCoder(uint32_t dim, uint32_t bits);

  uint32_t dim() const noexcept { return dim_; }
  uint32_t bits() const noexcept { return bits_; }
  size_t lines() const noexcept { return lines_; }
  size_t bytes() const noexcept { return lines_ * simd::kLineBytes; }

  /// By how much estimates of the squared distance of near vectors are off, as a share of the
  /// vectors' squared length: a standard deviation.
  float deviation() const noexcept;
  /// Writes the record of `vector`, of dim() values, that is named `row`.
  void encode(const float* vector, uint32_t row, uint8_t* record) const;
  /// What ends a record.
  simd::RecordTail tail(const uint8_t* record) const noexcept;

 private:
  friend class RecordQuery;
  /// Where the code of value i lies: byte i % width_, plane i / width_.
  uint32_t dim_, bits_, width_;
  size_t lines_;
};

/// A query as the kernels want it. Estimates squared Euclidean distances, but for the query's own
/// squared length, which is the same for all.
class RecordQuery {
 public:
  explicit RecordQuery(const RecordCoder& coder);
  /// Takes another query's place. `vector` has dim() values.
  void assign(const float* vector);
  /// The record of a vector like the query is hardly ever estimated to be farther: what is not
  /// exact about that is how the query is rounded.
  float own() const noexcept { return own_; }
  /// Distances to n records, at most the query's squared length too small; room for 3 more.
  void distances(const uint8_t* const* records, size_t n, float* out) const {
    kernel_(query_, records, n, out);
  }

 private:
  const RecordCoder& coder_;
  simd::RecordKernel kernel_;
  os::LargeArray<int8_t> weights_;
  simd::CodeQuery query_;
  float own_ = 0;
};

}  // namespace viridian::index
