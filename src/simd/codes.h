#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

/// Kernels over vectors of small integers, chosen once for the machine the program runs on. Sums of
/// products are exact, and what follows them is rounded in one fixed order without fused
/// operations: every target gives the same bits for the same input. Thread-safe.
namespace viridian::simd {

/// Records are whole cache lines, and lie at their multiples.
constexpr size_t kLineBytes = 64;

/// What ends a code record; the code lies before it.
struct RecordTail {
  float scale;   ///< by which the products of this record's codes are multiplied
  float length;  ///< squared, of the vector that was coded
  uint32_t row;
};
static_assert(sizeof(RecordTail) == 12);

/// A query for records of `lines` lines with codes of `bits` bits. Plane p of the weights, of
/// 64 * lines bytes, belongs to bits [p * bits, (p + 1) * bits) of the records' bytes; where a
/// record holds its tail, weights are 0.
struct CodeQuery {
  const int8_t* weights;
  size_t lines;
  float bias;    ///< subtracted from the sum of products
  float factor;  ///< by which the rest is multiplied, as by the record's scale
};

/// out[i] = length_i - scale_i * factor * (sum of weights times codes - bias) for n records.
/// Padding out to n rounded up to 4.
using RecordKernel = void (*)(const CodeQuery& query, const uint8_t* const* records, size_t n,
                              float* out);

/// out[i] = the inner product of `left`, values to 127, and rows[i], of `size` values, a multiple
/// of 64.
using DotKernel = void (*)(const uint8_t* left, const int8_t* const* rows, size_t size, size_t n,
                           int32_t* out);

/// Inner products of kTileRows rows, `stride` bytes apart, values to 127, with the columns of one
/// or more blocks of kTileColumns, packed as [block][size / 4][column][4], at multiples of 64
/// bytes. Row r's product with column c is out[r * out_stride + c].
using TileProductKernel = void (*)(const uint8_t* rows, size_t stride, const int8_t* packed,
                                   size_t size, size_t blocks, int32_t* out, size_t out_stride);
constexpr size_t kTileRows = 8;
constexpr size_t kTileColumns = 16;

/// Turns inner products of codes into squared distances:
/// out[i] = (length + lengths[i]) - (factor * scales[i]) * (products[i] - biases[i]), n a multiple
/// of 16. Also the least of each sixteenth lane, modulo 64, in minima[64].
using DistancesKernel = void (*)(const int32_t* products, const int32_t* biases,
                                 const float* scales, const float* lengths, float length,
                                 float factor, size_t n, float* out, float* minima);
/// The ascending i for which values[i] <= bound, n a multiple of 16; returns how many. `out` has
/// room for n.
using BelowKernel = size_t (*)(const float* values, float bound, size_t n, uint32_t* out);

/// A unit of kUnitRows rows with codes of 4 bits, at a multiple of 64 bytes: their UnitHeader, then
/// `groups` lines, of which line g has four bytes of each row: byte j holds the code of value 8 g +
/// j in its lower, that of value 8 g + 4 + j in its upper half.
constexpr size_t kUnitRows = 16;
struct UnitHeader {
  float scale[kUnitRows];     ///< by which the products of a row's codes are multiplied
  float length[kUnitRows];    ///< added
  float residual[kUnitRows];  ///< how far the row is from what is coded
  float coded[kUnitRows];     ///< how long that is
};
static_assert(sizeof(UnitHeader) == kUnitRows * 16);

/// A query for units: `weights` has 8 * groups values, in the order of the codes' values.
struct UnitQuery {
  const int8_t* weights;
  size_t groups;
  float bias;             ///< subtracted from the sum of products
  float factor;           ///< by which the rest is multiplied, as by the row's scale
  float base;             ///< added
  float residual, coded;  ///< what a row's own are multiplied by, to be subtracted
};
/// For the rows of n units, a multiple of kUnitsAtOnce, that lie end to end:
/// out[i] = ((base + length_i) - factor * scale_i * (sum of weights times codes - bias))
///          - (residual * residual_i + coded * coded_i),
/// and the least of each kUnitsAtOnce units' rows in minima.
using UnitKernel = void (*)(const UnitQuery& query, const uint8_t* units, size_t n, float* out,
                            float* minima);
constexpr size_t kUnitsAtOnce = 4;

/// The Hadamard transform of n values, a power of two, in place and not scaled.
using HadamardKernel = void (*)(float* values, size_t n);

/// out[i] = values[i] * factor, rounded to the nearest, halves away from zero; returns their sum.
/// No product is beyond +-127.
using WeightsKernel = int32_t (*)(const float* values, float factor, size_t n, int8_t* out);

struct CodeKernels {
  /// For codes of 1, 2, 4 and 8 bits (of these, 8-bit codes are at most 127).
  RecordKernel records1, records2, records4, records8;
  DotKernel dot;
  TileProductKernel tile;
  DistancesKernel distances;
  BelowKernel below;
  UnitKernel units;
  HadamardKernel hadamard;
  WeightsKernel weights;
};

/// The fastest kernels this machine can run.
const CodeKernels& code_kernels() noexcept;

struct CodeTarget {
  std::string_view name;
  CodeKernels kernels;
};
/// Every compiled target this machine can run, fastest first: what tests compare.
std::vector<CodeTarget> supported_code_targets();

}  // namespace viridian::simd
