#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

/// Distance kernels, chosen once for the machine the program runs on.
///
/// Every target gives the same bits for the same input, because all follow one order of rounding:
///  - sixteen partial sums start at +0; element i is multiplied, rounded, then added to partial sum
///    i % 16, for ascending i (no fused multiply-add);
///  - the partial sums s are added as a fixed tree: s[j] += s[j + 8] for j < 8, then + 4, + 2, + 1.
/// So an answer does not depend on the machine, on how many rows a call has, on where they lie, or
/// on whether they are contiguous. Only the payload of a NaN is left open.
///
/// Pointers need the alignment of float only. Nothing outside the named rows is read. Thread-safe.
namespace viridian::simd {

/// query: dim floats; rows: n * dim floats, row after row; out: n results.
using RowsKernel = void (*)(const float* query, const float* rows, size_t dim, size_t n,
                            float* out);
/// The same for rows that lie apart: rows[i] points at dim floats.
using GatherKernel = void (*)(const float* query, const float* const* rows, size_t dim, size_t n,
                              float* out);
/// kTileQueries queries, row after row, against the same rows: out[4 * r + q] is row r's result for
/// query q. Pays while the queries stay in the first-level cache (docs/decisions/0004).
using TileKernel = void (*)(const float* queries, const float* rows, size_t dim, size_t n,
                            float* out);
constexpr size_t kTileQueries = 4;
using NormKernel = void (*)(const float* rows, size_t dim, size_t n, float* out);
using GatherNormKernel = void (*)(const float* const* rows, size_t dim, size_t n, float* out);

struct Kernels {
  RowsKernel l2;  ///< sum of squared differences
  RowsKernel dot;
  TileKernel l2_tile;
  TileKernel dot_tile;
  NormKernel squared_norm;
  GatherKernel l2_gather;
  GatherKernel dot_gather;
  GatherNormKernel squared_norm_gather;
};

/// The fastest kernels this machine can run.
const Kernels& kernels() noexcept;
/// The instruction set of kernels(), for logs: "AVX2".
std::string_view target_name() noexcept;

struct Target {
  std::string_view name;
  Kernels kernels;
};
/// Every compiled target this machine can run, fastest first: what tests compare.
std::vector<Target> supported_targets();

}  // namespace viridian::simd
