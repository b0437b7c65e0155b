#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "os/large_array.h"
#include "simd/codes.h"

namespace viridian::index {

/// Vectors with 7 bits a value, between which distances are exact integers times floats: what
/// graphs are built with, so that they are the same on every machine. After construction, rows are
/// set from any threads, each by one; then everything is read-only and thread-safe.
class RowCodes {
 public:
  RowCodes(size_t rows, uint32_t dim);
  static size_t bytes_per_row(uint32_t dim);

  size_t rows() const noexcept { return scales_.size(); }
  /// Values of a row as they lie, the last of which are 0: a multiple of 64.
  size_t stride() const noexcept { return stride_; }
  void set(size_t row, const float* vector);

  const int8_t* code(size_t row) const noexcept { return codes_.data() + row * stride_; }
  float scale(size_t row) const noexcept { return scales_[row]; }
  /// Squared, of the coded vector.
  float length(size_t row) const noexcept { return lengths_[row]; }
  /// To be subtracted from a product of the row's code with a left() side.
  int32_t bias(size_t row) const noexcept { return kOffset * sums_[row]; }

  /// The row's code as the left side of products: stride() values to 127.
  void left(size_t row, uint8_t* out) const;

 private:
  /// Makes values of -63 to 63 those of a left side.
  static constexpr int32_t kOffset = 64;
  uint32_t dim_;
  size_t stride_;
  os::LargeArray<int8_t> codes_;
  std::vector<float> scales_, lengths_;
  std::vector<int32_t> sums_;
};

/// Squared distances from one row to others. One thread at a time.
class RowDistances {
 public:
  explicit RowDistances(const RowCodes& codes) : codes_(codes), left_(codes.stride()) {}
  void from(size_t row);
  /// Those to `rows`, into out.
  void to(std::span<const uint32_t> rows, float* out);

 private:
  const RowCodes& codes_;
  std::vector<uint8_t> left_;
  float scale_ = 0, length_ = 0;
  std::vector<const int8_t*> pointers_;
  std::vector<int32_t> products_;
};

/// Some rows, laid out so that all distances among them, or from other rows to them, are computed
/// together. One thread at a time; reused, it allocates nothing.
class Tile {
 public:
  explicit Tile(const RowCodes& codes) : codes_(codes) {}
  void assign(std::span<const uint32_t> rows);
  /// A multiple of 16, at least as many as the rows: the distances beyond them are the largest
  /// float.
  size_t columns() const noexcept { return lengths_.size(); }
  /// Distances from `from`, at most 8 rows, to this one's: row r's from out[r * columns()] on, and
  /// per row the least of each 64th column in minima[64 * r].
  void distances(std::span<const uint32_t> from, float* out, float* minima);

 private:
  const RowCodes& codes_;
  std::vector<int8_t> packed_;
  std::vector<uint8_t> left_;
  std::vector<float> scales_, lengths_;
  std::vector<int32_t> biases_, products_;
};

}  // namespace viridian::index
