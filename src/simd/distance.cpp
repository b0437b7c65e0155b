#include "simd/distance.h"

#include <cstdint>
#include <cstring>

#include "simd/dispatch.h"

// Vectors of unknown size cannot be kept in arrays, which is how the sixteen partial sums are held;
// such machines run the 128-bit kernels. SSSE3 and AVX3_DL add nothing to the targets beside them.
#define HWY_DISABLED_TARGETS \
  (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_SSSE3 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "simd/distance.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace viridian::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kLanes = 16;
using Tag = hn::CappedTag<float, kLanes>;
using Vector = hn::Vec<Tag>;
constexpr Tag kTag;
constexpr size_t kWidth = hn::MaxLanes(kTag);
constexpr size_t kParts = kLanes / kWidth;
/// Rows taken through the loop together: enough independent sums to hide the latency of addition.
constexpr size_t kRowsAtOnce = 4;

/// Sixteen consecutive elements, or the sixteen partial sums.
struct Lanes {
  Vector part[kParts];
};

HWY_INLINE Lanes zero_lanes() {
  Lanes lanes;
#pragma GCC unroll 16
  for (size_t p = 0; p < kParts; ++p) lanes.part[p] = hn::Zero(kTag);
  return lanes;
}

HWY_INLINE Lanes load(const float* from) {
  Lanes lanes;
#pragma GCC unroll 16
  for (size_t p = 0; p < kParts; ++p) lanes.part[p] = hn::LoadU(kTag, from + p * kWidth);
  return lanes;
}

/// The last count < 16 elements and zeros. Both operands of a step have zeros there, and adding
/// +0 leaves a partial sum as it is, since none is ever -0.
HWY_INLINE Lanes load_tail(const float* from, size_t count) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  Lanes lanes;
#pragma GCC unroll 16
  for (size_t p = 0; p < kParts; ++p) {
    const size_t left = count > p * kWidth ? count - p * kWidth : 0;
    lanes.part[p] = hn::MaskedLoad(hn::FirstN(kTag, left), kTag, from + p * kWidth);
  }
  return lanes;
#else
  float padded[kLanes] = {};
  std::memcpy(padded, from, count * sizeof(float));
  return load(padded);
#endif
}

struct L2 {
  static HWY_INLINE Vector add_to(Vector sum, Vector query, Vector row) {
    const Vector difference = hn::Sub(query, row);
    return hn::Add(sum, hn::Mul(difference, difference));
  }
};

struct Dot {
  static HWY_INLINE Vector add_to(Vector sum, Vector query, Vector row) {
    return hn::Add(sum, hn::Mul(query, row));
  }
};

template <class Metric>
HWY_INLINE void step(Lanes& sums, const Lanes& query, const Lanes& row) {
#pragma GCC unroll 16
  for (size_t p = 0; p < kParts; ++p) {
    sums.part[p] = Metric::add_to(sums.part[p], query.part[p], row.part[p]);
  }
}

#if HWY_TARGET == HWY_SCALAR

/// The tree, for four rows.
HWY_INLINE void finish(const Lanes (&sums)[4], float* out) {
  for (size_t r = 0; r < 4; ++r) {
    float s[kLanes];
    for (size_t p = 0; p < kLanes; ++p) s[p] = hn::GetLane(sums[r].part[p]);
    for (size_t half = kLanes / 2; half != 0; half /= 2) {
      for (size_t j = 0; j < half; ++j) s[j] += s[j + half];
    }
    out[r] = s[0];
  }
}

#else

using QuarterTag = hn::CappedTag<float, 4>;
constexpr QuarterTag kQuarterTag;

template <class Eight>
HWY_INLINE hn::Vec<QuarterTag> halve(const Eight& eight) {
  return hn::Add(hn::LowerHalf(kQuarterTag, eight), hn::UpperHalf(kQuarterTag, eight));
}

/// The first two levels of the tree: 16 partial sums to 4. A template (always of Lanes), so that
/// only the branch for this target's width is compiled.
template <class Sums>
HWY_INLINE hn::Vec<QuarterTag> fold(const Sums& sums) {
  const auto& part = sums.part;
  if constexpr (kParts == 4) {
    return hn::Add(hn::Add(part[0], part[2]), hn::Add(part[1], part[3]));
  } else if constexpr (kParts == 2) {
    return halve(hn::Add(part[0], part[1]));
  } else {
    constexpr hn::CappedTag<float, 8> half;
    return halve(hn::Add(hn::LowerHalf(half, part[0]), hn::UpperHalf(half, part[0])));
  }
}

/// The tree, for four rows: the last two levels are done for all four at once.
HWY_INLINE void finish(const Lanes (&sums)[4], float* out) {
  const auto a = fold(sums[0]), b = fold(sums[1]), c = fold(sums[2]), d = fold(sums[3]);
  const auto ab =
      hn::Add(hn::InterleaveLower(kQuarterTag, a, b), hn::InterleaveUpper(kQuarterTag, a, b));
  const auto cd =
      hn::Add(hn::InterleaveLower(kQuarterTag, c, d), hn::InterleaveUpper(kQuarterTag, c, d));
  hn::StoreU(
      hn::Add(hn::ConcatLowerLower(kQuarterTag, cd, ab), hn::ConcatUpperUpper(kQuarterTag, cd, ab)),
      kQuarterTag, out);
}

#endif

struct SquaredNorm {
  static HWY_INLINE Vector add_to(Vector sum, Vector, Vector row) {
    return hn::Add(sum, hn::Mul(row, row));
  }
};

template <class Metric>
HWY_INLINE Lanes row_sums(const float* query, const float* row, size_t dim) {
  Lanes sums = zero_lanes();
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) step<Metric>(sums, load(query + i), load(row + i));
  if (i < dim) step<Metric>(sums, load_tail(query + i, dim - i), load_tail(row + i, dim - i));
  return sums;
}

template <class Metric>
HWY_INLINE float one_row(const float* query, const float* row, size_t dim) {
  const Lanes sums[4] = {row_sums<Metric>(query, row, dim), zero_lanes(), zero_lanes(),
                         zero_lanes()};
  float out[4];
  finish(sums, out);
  return out[0];
}

// One row after the other, as they lie in memory: that is the pattern the hardware prefetcher
// follows, and the processor overlaps the end of one row with the start of the next by itself.
// Four rows side by side, or prefetch instructions, came to half the bandwidth.
template <class Metric>
void contiguous(const float* query, const float* rows, size_t dim, size_t n, float* out) {
  size_t i = 0;
  for (; i + kRowsAtOnce <= n; i += kRowsAtOnce) {
    const float* row = rows + i * dim;
    const Lanes sums[4] = {
        row_sums<Metric>(query, row, dim), row_sums<Metric>(query, row + dim, dim),
        row_sums<Metric>(query, row + 2 * dim, dim), row_sums<Metric>(query, row + 3 * dim, dim)};
    finish(sums, out + i);
  }
  for (; i < n; ++i) out[i] = one_row<Metric>(query, rows + i * dim, dim);
}

/// Four rows side by side. `ahead` are the rows that come next: they are fetched at the pace at
/// which `rows` are read, since no hardware can guess where they lie.
template <class Metric>
HWY_INLINE void four_rows(const float* query, const float* const* rows, const float* const* ahead,
                          size_t dim, float* out) {
  Lanes sums[4] = {zero_lanes(), zero_lanes(), zero_lanes(), zero_lanes()};
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    const Lanes q = load(query + i);
#pragma GCC unroll 4
    for (size_t r = 0; r < kRowsAtOnce; ++r) {
      hwy::Prefetch(ahead[r] + i);
      step<Metric>(sums[r], q, load(rows[r] + i));
    }
  }
  if (i < dim) {
    const Lanes q = load_tail(query + i, dim - i);
#pragma GCC unroll 4
    for (size_t r = 0; r < kRowsAtOnce; ++r) {
      hwy::Prefetch(ahead[r] + i);
      step<Metric>(sums[r], q, load_tail(rows[r] + i, dim - i));
    }
  }
  finish(sums, out);
}

template <class Metric>
void gather(const float* query, const float* const* rows, size_t dim, size_t n, float* out) {
  size_t i = 0;
  for (; i + kRowsAtOnce <= n; i += kRowsAtOnce) {
    const bool more = i + 2 * kRowsAtOnce <= n;
    four_rows<Metric>(query, rows + i, rows + i + (more ? kRowsAtOnce : 0), dim, out + i);
  }
  for (; i < n; ++i) out[i] = one_row<Metric>(query, rows[i], dim);
}

/// Four queries against each row: a row's elements are loaded once for all four.
template <class Metric>
void tile(const float* queries, const float* rows, size_t dim, size_t n, float* out) {
  const float* const query[4] = {queries, queries + dim, queries + 2 * dim, queries + 3 * dim};
  for (size_t r = 0; r < n; ++r, rows += dim) {
    Lanes sums[4] = {zero_lanes(), zero_lanes(), zero_lanes(), zero_lanes()};
    size_t i = 0;
    for (; i + kLanes <= dim; i += kLanes) {
      const Lanes row = load(rows + i);
#pragma GCC unroll 4
      for (size_t q = 0; q < 4; ++q) step<Metric>(sums[q], load(query[q] + i), row);
    }
    if (i < dim) {
      const Lanes row = load_tail(rows + i, dim - i);
#pragma GCC unroll 4
      for (size_t q = 0; q < 4; ++q) {
        step<Metric>(sums[q], load_tail(query[q] + i, dim - i), row);
      }
    }
    finish(sums, out + 4 * r);
  }
}

// A norm has no query; the row pointer stands in, and is not read as one.
void norms(const float* rows, size_t dim, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) {
    out[i] = one_row<SquaredNorm>(rows + i * dim, rows + i * dim, dim);
  }
}

void norms_gather(const float* const* rows, size_t dim, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = one_row<SquaredNorm>(rows[i], rows[i], dim);
}

Kernels make_kernels() {
  return {.l2 = contiguous<L2>,
          .dot = contiguous<Dot>,
          .l2_tile = tile<L2>,
          .dot_tile = tile<Dot>,
          .squared_norm = norms,
          .l2_gather = gather<L2>,
          .dot_gather = gather<Dot>,
          .squared_norm_gather = norms_gather};
}

}  // namespace HWY_NAMESPACE
}  // namespace viridian::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace viridian::simd {
namespace {

const Target& best() {
  static const Target target = supported_targets().front();
  return target;
}

}  // namespace

std::vector<Target> supported_targets() {
  // Fastest first. The last one is what every machine of the architecture runs.
  return supported_of<Target, Kernels>(
      {
          {HWY_AVX3, HWY_CHOOSE_AVX3(make_kernels)},
          {HWY_AVX2, HWY_CHOOSE_AVX2(make_kernels)},
          {HWY_SSE4, HWY_CHOOSE_SSE4(make_kernels)},
          {HWY_NEON, HWY_CHOOSE_NEON(make_kernels)},
          {HWY_STATIC_TARGET, &HWY_STATIC_DISPATCH(make_kernels)},
      },
      hwy::SupportedTargets(), hwy::TargetName);
}

const Kernels& kernels() noexcept { return best().kernels; }

std::string_view target_name() noexcept { return best().name; }

}  // namespace viridian::simd
#endif
