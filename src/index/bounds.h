#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/rotation.h"
#include "simd/codes.h"
#include "viridian/model/schema.h"

namespace viridian::index {

/// What rows are coded relative to: a point about which they lie.
struct Centre {
  std::vector<float> point;
  std::vector<float> rotated;
  double length = 0;  ///< of the point, at least
};

/// Codes rows so that for any query a distance can be told that a row is certainly not below, as
/// FlatScanner has it, by reading an eighth of the row. Each value of the row, relative to a centre
/// and rotated, takes 4 bits; the row's distance to what is coded (its residual) is kept beside the
/// code, and the product of query and residual is at most that of their lengths. What rounding may
/// do is counted in. Immutable, so thread-safe.
class BoundCoder {
 public:
  BoundCoder(Space space, uint32_t dim);

  /// Of four units, the least that can be searched: 64 rows.
  size_t bytes(size_t rows) const noexcept { return bytes(dim_, rows); }
  static size_t bytes(uint32_t dim, size_t rows) noexcept {
    constexpr size_t kRows = simd::kUnitRows * simd::kUnitsAtOnce;
    return (rows + kRows - 1) / kRows * simd::kUnitsAtOnce * unit_bytes(dim);
  }
  struct Row {
    const float* vector;
    float norm;  ///< as FlatScanner::norms() has it
  };
  /// Writes the rows' units, bytes(rows.size()) at a multiple of 64. `centre` is that of other
  /// rows, or null; where these lie elsewhere, it is replaced.
  void encode(std::span<const Row> rows, std::shared_ptr<const Centre>& centre,
              uint8_t* units) const;

 private:
  friend class BoundQuery;

  static size_t unit_bytes(uint32_t dim) noexcept {
    return sizeof(simd::UnitHeader) + groups(dim) * simd::kLineBytes;
  }
  static size_t groups(uint32_t dim) noexcept { return (size_t{dim} + 7) / 8; }
  std::shared_ptr<const Centre> centre_of(std::span<const Row> rows, const float* points) const;
  double spread(const Centre& centre, std::span<const Row> rows, const float* points) const;
  void code(const float* vector, std::vector<float>& levels, simd::UnitHeader& header,
            size_t at) const;
  bool has_point(const Row& row) const noexcept;

  Space space_;
  uint32_t dim_;
  size_t groups_;
  Rotation rotation_;
};

/// A query for rows that a BoundCoder coded. One thread at a time.
class BoundQuery {
 public:
  /// `coder` outlives this.
  explicit BoundQuery(const BoundCoder& coder);
  /// Takes another query's place; `vector` outlives that. False: nothing can be told of it.
  bool assign(const float* vector);
  /// To be called before bounds() of units with another centre.
  void move_to(const Centre& centre);
  /// Of n rows, a multiple of 64, what their distances are certainly not below, and the least of
  /// each 64 of these. Rows that nothing can be told of are at minus infinity, those that fill the
  /// last units at infinity.
  void bounds(const uint8_t* units, size_t n, float* out, float* minima) const;

 private:
  const BoundCoder& coder_;
  const float* vector_ = nullptr;
  double length_ = 0;           ///< of what was rotated, at least
  std::vector<float> rotated_;  ///< in Space::cosine, the direction
  std::vector<float> moved_, levels_;
  std::vector<int8_t> weights_;
  simd::UnitQuery query_{};
};

}  // namespace viridian::index
