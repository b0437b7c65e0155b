#include "simd/codes.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <limits>

#include "simd/codes_plain.h"
#include "simd/dispatch.h"

// As in distance.cpp.
#define HWY_DISABLED_TARGETS \
  (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_SSSE3 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "simd/codes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace viridian::simd {
namespace HWY_NAMESPACE {
#if HWY_TARGET == HWY_SCALAR

CodeKernels make_code_kernels() { return plain_code_kernels(); }

#else

namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::CappedTag<uint8_t, kLineBytes> kBytesTag;
constexpr hn::Repartition<int8_t, decltype(kBytesTag)> kSignedTag;
constexpr hn::Repartition<uint16_t, decltype(kBytesTag)> kPairsTag;
constexpr hn::Repartition<int16_t, decltype(kBytesTag)> kSignedPairsTag;
constexpr hn::Repartition<int32_t, decltype(kBytesTag)> kQuadsTag;
constexpr hn::Repartition<float, decltype(kBytesTag)> kFloatTag;
constexpr size_t kBytes = hn::MaxLanes(kBytesTag);
constexpr size_t kFloats = kBytes / sizeof(float);
using Unsigned = hn::Vec<decltype(kBytesTag)>;
using Signed = hn::Vec<decltype(kSignedTag)>;
using Quads = hn::Vec<decltype(kQuadsTag)>;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4

using SignedPairs = hn::Vec<decltype(kSignedPairsTag)>;

/// Sums of two neighbouring products; they fit, since unsigned values are at most 127.
HWY_INLINE SignedPairs pair_products(Unsigned a, Signed b) {
#if HWY_TARGET <= HWY_AVX3
  return SignedPairs{_mm512_maddubs_epi16(a.raw, b.raw)};
#elif HWY_TARGET <= HWY_AVX2
  return SignedPairs{_mm256_maddubs_epi16(a.raw, b.raw)};
#else
  return SignedPairs{_mm_maddubs_epi16(a.raw, b.raw)};
#endif
}

HWY_INLINE Quads add_pairs(SignedPairs pairs) {
#if HWY_TARGET <= HWY_AVX3
  return Quads{_mm512_madd_epi16(pairs.raw, _mm512_set1_epi16(1))};
#elif HWY_TARGET <= HWY_AVX2
  return Quads{_mm256_madd_epi16(pairs.raw, _mm256_set1_epi16(1))};
#else
  return Quads{_mm_madd_epi16(pairs.raw, _mm_set1_epi16(1))};
#endif
}

/// kFour: the machine adds four products by one instruction (AVX-512 VNNI). Highway's target that
/// has it asks for much else, and lets the compiler use what some of these machines lack; so it is
/// written out here.
template <bool kFour>
HWY_INLINE Quads add_products(Quads sum, Unsigned a, Signed b) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kFour) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "vm"(b.raw));
    return sum;
  }
#endif
  return hn::Add(sum, add_pairs(pair_products(a, b)));
}

#else

/// As above: lane i gets the products 4 i to 4 i + 3, which tiles rely on.
template <bool kFour>
HWY_INLINE Quads add_products(Quads sum, Unsigned a, Signed b) {
  const auto left = hn::BitCast(kSignedPairsTag, a);
  const auto right = hn::BitCast(kSignedPairsTag, b);
  // Odd bytes by an arithmetic shift, even ones by a shift up before it.
  const auto odd = hn::Mul(hn::ShiftRight<8>(left), hn::ShiftRight<8>(right));
  const auto even = hn::Mul(hn::ShiftRight<8>(hn::ShiftLeft<8>(left)),
                            hn::ShiftRight<8>(hn::ShiftLeft<8>(right)));
  const auto pairs = hn::BitCast(kQuadsTag, hn::Add(odd, even));
  return hn::Add(sum,
                 hn::Add(hn::ShiftRight<16>(pairs), hn::ShiftRight<16>(hn::ShiftLeft<16>(pairs))));
}

#endif

template <int kBits, size_t kPlane>
HWY_INLINE Unsigned plane_of(Unsigned bytes) {
  if constexpr (kBits == 8) {
    return bytes;
  } else {
    const auto shifted = hn::ShiftRight<kPlane * kBits>(hn::BitCast(kPairsTag, bytes));
    return hn::And(hn::BitCast(kBytesTag, shifted),
                   hn::Set(kBytesTag, static_cast<uint8_t>((1U << kBits) - 1)));
  }
}

/// Kept in a register: read once, not for each of its planes.
HWY_INLINE Unsigned load_once(const uint8_t* from) {
  Unsigned loaded = hn::Load(kBytesTag, from);
#if HWY_TARGET == HWY_AVX3
  asm("" : "+v"(loaded.raw));
#endif
  return loaded;
}

/// Of four records: weights are read once for them. Named one by one, since arrays of vectors end
/// up in memory.
template <class V>
struct OfFour {
  V a, b, c, d;
};

template <int kBits, bool kFour, size_t kPlane = 0>
HWY_INLINE OfFour<Quads> add_planes(OfFour<Quads> sums, OfFour<Unsigned> bytes,
                                    const int8_t* weights, size_t plane_bytes) {
  const Signed weight = hn::Load(kSignedTag, weights);
  sums.a = add_products<kFour>(sums.a, plane_of<kBits, kPlane>(bytes.a), weight);
  sums.b = add_products<kFour>(sums.b, plane_of<kBits, kPlane>(bytes.b), weight);
  sums.c = add_products<kFour>(sums.c, plane_of<kBits, kPlane>(bytes.c), weight);
  sums.d = add_products<kFour>(sums.d, plane_of<kBits, kPlane>(bytes.d), weight);
  if constexpr ((kPlane + 1) * kBits < 8)
    return add_planes<kBits, kFour, kPlane + 1>(sums, bytes, weights + plane_bytes, plane_bytes);
  return sums;
}

template <int kBits, bool kFour>
HWY_INLINE OfFour<Quads> record_sums(const CodeQuery& query, const uint8_t* const* four) {
  const size_t size = query.lines * kLineBytes;
  const Quads none = hn::Zero(kQuadsTag);
  OfFour<Quads> sums{none, none, none, none};
  for (size_t at = 0; at < size; at += kBytes) {
    const OfFour<Unsigned> bytes{load_once(four[0] + at), load_once(four[1] + at),
                                 load_once(four[2] + at), load_once(four[3] + at)};
    sums = add_planes<kBits, kFour>(sums, bytes, query.weights + at, size);
  }
  return sums;
}

/// Adds all lanes of each of four vectors.
constexpr hn::CappedTag<int32_t, 4> kFourTag;
using Four = hn::Vec<decltype(kFourTag)>;

/// To four lanes. A template (always of Quads), so that only the branch for this width is compiled.
template <class Wide>
HWY_INLINE Four fold(Wide wide) {
  if constexpr (kBytes == 64) {
    constexpr hn::CappedTag<int32_t, 8> half;
    const auto sum = hn::Add(hn::LowerHalf(half, wide), hn::UpperHalf(half, wide));
    return hn::Add(hn::LowerHalf(kFourTag, sum), hn::UpperHalf(kFourTag, sum));
  } else if constexpr (kBytes == 32) {
    return hn::Add(hn::LowerHalf(kFourTag, wide), hn::UpperHalf(kFourTag, wide));
  } else {
    return wide;
  }
}

/// Adds all lanes of each of four vectors.
HWY_INLINE Four total(Quads a, Quads b, Quads c, Quads d) {
  const Four p = fold(a), q = fold(b), r = fold(c), s = fold(d);
  const Four pq = hn::Add(hn::InterleaveLower(kFourTag, p, q), hn::InterleaveUpper(kFourTag, p, q));
  const Four rs = hn::Add(hn::InterleaveLower(kFourTag, r, s), hn::InterleaveUpper(kFourTag, r, s));
  return hn::Add(hn::ConcatLowerLower(kFourTag, rs, pq), hn::ConcatUpperUpper(kFourTag, rs, pq));
}

/// The tails of four records, by field.
struct Tails {
  Four scales, lengths;
};
HWY_INLINE Tails tails_of(const CodeQuery& query, const uint8_t* const* four) {
  static_assert(sizeof(RecordTail) == 12 && offsetof(RecordTail, scale) == 0 &&
                offsetof(RecordTail, length) == 4);
  const auto last = [&](size_t i) {
    return hn::BitCast(kFourTag, hn::LoadU(hn::Repartition<uint8_t, decltype(kFourTag)>(),
                                           four[i] + query.lines * kLineBytes - 16));
  };
  const Four a = last(0), b = last(1), c = last(2), d = last(3);
  // Lanes 1 are scales, lanes 2 are lengths.
  constexpr hn::Repartition<int64_t, decltype(kFourTag)> wide;
  const auto pair = [&](Four p, Four q) {
    return hn::BitCast(wide, hn::InterleaveLower(kFourTag, p, q));
  };
  const auto upper = [&](Four p, Four q) {
    return hn::BitCast(wide, hn::InterleaveUpper(kFourTag, p, q));
  };
  return {hn::BitCast(kFourTag, hn::InterleaveUpper(wide, pair(a, b), pair(c, d))),
          hn::BitCast(kFourTag, hn::InterleaveLower(wide, upper(a, b), upper(c, d)))};
}

template <int kBits, bool kFour>
HWY_INLINE void four_records(const CodeQuery& query, const uint8_t* const* four, float* out) {
  constexpr hn::CappedTag<float, 4> floats;
  const OfFour<Quads> sums = record_sums<kBits, kFour>(query, four);
  const Tails tails = tails_of(query, four);
  const auto product = hn::Sub(hn::ConvertTo(floats, total(sums.a, sums.b, sums.c, sums.d)),
                               hn::Set(floats, query.bias));
  const auto scale = hn::Mul(hn::BitCast(floats, tails.scales), hn::Set(floats, query.factor));
  hn::StoreU(hn::Sub(hn::BitCast(floats, tails.lengths), hn::Mul(scale, product)), floats, out);
}

template <int kBits, bool kFour>
void records(const CodeQuery& query, const uint8_t* const* record, size_t n, float* out) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) four_records<kBits, kFour>(query, record + i, out + i);
  if (i == n) return;
  const uint8_t* rest[4];
  for (size_t j = 0; j < 4; ++j) rest[j] = record[i + j < n ? i + j : n - 1];
  four_records<kBits, kFour>(query, rest, out + i);
}

template <bool kFour>
HWY_INLINE Quads row_sum(const uint8_t* left, const int8_t* row, size_t size) {
  Quads sum = hn::Zero(kQuadsTag);
  for (size_t at = 0; at < size; at += kBytes) {
    sum =
        add_products<kFour>(sum, hn::LoadU(kBytesTag, left + at), hn::LoadU(kSignedTag, row + at));
  }
  return sum;
}

template <bool kFour>
void dot(const uint8_t* left, const int8_t* const* rows, size_t size, size_t n, int32_t* out) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    hn::StoreU(
        total(row_sum<kFour>(left, rows[i], size), row_sum<kFour>(left, rows[i + 1], size),
              row_sum<kFour>(left, rows[i + 2], size), row_sum<kFour>(left, rows[i + 3], size)),
        kFourTag, out + i);
  }
  const Quads none = hn::Zero(kQuadsTag);
  for (; i < n; ++i)
    out[i] = hn::GetLane(total(row_sum<kFour>(left, rows[i], size), none, none, none));
}

HWY_INLINE Unsigned four_times(const uint8_t* four_values) {
  int32_t quad;
  std::memcpy(&quad, four_values, sizeof quad);
  return hn::BitCast(kBytesTag, hn::Set(kQuadsTag, quad));
}

/// kTileRows rows by one block: as many sums as there are registers, at most 16.
template <bool kFour>
void tile(const uint8_t* rows, size_t stride, const int8_t* packed, size_t size, size_t blocks,
          int32_t* out, size_t out_stride) {
  constexpr size_t kVectors = kTileColumns * 4 / kBytes;  // in one block
  constexpr size_t kRowsAtOnce = kVectors == 1 ? 8 : kVectors == 2 ? 4 : 2;
  for (size_t block = 0; block < blocks; ++block, packed += kTileColumns * size) {
    for (size_t first = 0; first < kTileRows; first += kRowsAtOnce) {
      Quads sums[kRowsAtOnce][kVectors];
      for (auto& row : sums)
        for (Quads& sum : row) sum = hn::Zero(kQuadsTag);
      const uint8_t* row = rows + first * stride;
      for (size_t at = 0; at < size; at += 4) {
        Signed columns[kVectors];
        for (size_t v = 0; v < kVectors; ++v)
          columns[v] = hn::LoadU(kSignedTag, packed + at * kTileColumns + v * kBytes);
#pragma GCC unroll 8
        for (size_t r = 0; r < kRowsAtOnce; ++r) {
          const Unsigned value = four_times(row + r * stride + at);
          for (size_t v = 0; v < kVectors; ++v)
            sums[r][v] = add_products<kFour>(sums[r][v], value, columns[v]);
        }
      }
      for (size_t r = 0; r < kRowsAtOnce; ++r)
        for (size_t v = 0; v < kVectors; ++v)
          hn::StoreU(sums[r][v], kQuadsTag,
                     out + (first + r) * out_stride + block * kTileColumns + v * (kBytes / 4));
    }
  }
}

/// kUnitsAtOnce units, whose sums are kept together: enough of them to hide the latency of adding.
template <bool kFour>
HWY_INLINE void unit_sums(const UnitQuery& query, const uint8_t* units, size_t unit_bytes,
                          Quads (&sums)[kUnitsAtOnce][kUnitRows * 4 / kBytes]) {
  for (auto& unit : sums)
    for (Quads& sum : unit) sum = hn::Zero(kQuadsTag);
  const uint8_t* line = units + sizeof(UnitHeader);
  for (size_t group = 0; group < query.groups; ++group, line += kLineBytes) {
    const auto* const weights = reinterpret_cast<const uint8_t*>(query.weights + group * 8);
    const auto lower = hn::BitCast(kSignedTag, four_times(weights));
    const auto upper = hn::BitCast(kSignedTag, four_times(weights + 4));
#pragma GCC unroll 4
    for (size_t u = 0; u < kUnitsAtOnce; ++u) {
      for (size_t v = 0; v < kUnitRows * 4 / kBytes; ++v) {
        const auto bytes = hn::Load(kBytesTag, line + u * unit_bytes + v * kBytes);
        sums[u][v] = add_products<kFour>(sums[u][v], plane_of<4, 0>(bytes), lower);
        sums[u][v] = add_products<kFour>(sums[u][v], plane_of<4, 1>(bytes), upper);
      }
    }
  }
}

template <bool kFour>
void units(const UnitQuery& query, const uint8_t* unit, size_t n, float* out, float* minima) {
  const size_t unit_bytes = sizeof(UnitHeader) + query.groups * kLineBytes;
  const auto bias = hn::Set(kFloatTag, query.bias), factor = hn::Set(kFloatTag, query.factor);
  const auto base = hn::Set(kFloatTag, query.base);
  const auto residual = hn::Set(kFloatTag, query.residual);
  const auto coded = hn::Set(kFloatTag, query.coded);
  for (size_t i = 0; i < n; i += kUnitsAtOnce, ++minima) {
    Quads sums[kUnitsAtOnce][kUnitRows * 4 / kBytes];
    unit_sums<kFour>(query, unit, unit_bytes, sums);
    auto least = hn::Set(kFloatTag, std::numeric_limits<float>::infinity());
    for (size_t u = 0; u < kUnitsAtOnce; ++u, unit += unit_bytes) {
      const auto* const header = reinterpret_cast<const UnitHeader*>(unit);
      for (size_t v = 0; v < kUnitRows * 4 / kBytes; ++v, out += kFloats) {
        const size_t row = v * kFloats;
        const auto product = hn::Sub(hn::ConvertTo(kFloatTag, sums[u][v]), bias);
        const auto scale = hn::Mul(hn::Load(kFloatTag, header->scale + row), factor);
        const auto estimate = hn::Sub(hn::Add(base, hn::Load(kFloatTag, header->length + row)),
                                      hn::Mul(scale, product));
        const auto error = hn::Add(hn::Mul(residual, hn::Load(kFloatTag, header->residual + row)),
                                   hn::Mul(coded, hn::Load(kFloatTag, header->coded + row)));
        const auto bound = hn::Sub(estimate, error);
        hn::StoreU(bound, kFloatTag, out);
        least = hn::Min(least, bound);
      }
    }
    *minima = hn::GetLane(hn::MinOfLanes(kFloatTag, least));
  }
}

void distances(const int32_t* products, const int32_t* biases, const float* scales,
               const float* lengths, float length, float factor, size_t n, float* out,
               float* minima) {
  constexpr size_t kLanes = 64;
  const auto own = hn::Set(kFloatTag, length);
  const auto by = hn::Set(kFloatTag, factor);
  for (size_t lane = 0; lane < kLanes; lane += kFloats)
    hn::StoreU(hn::Set(kFloatTag, hwy::HighestValue<float>()), kFloatTag, minima + lane);
  for (size_t i = 0; i < n; i += kFloats) {
    const auto product = hn::ConvertTo(
        kFloatTag, hn::Sub(hn::LoadU(kQuadsTag, products + i), hn::LoadU(kQuadsTag, biases + i)));
    const auto scale = hn::Mul(by, hn::LoadU(kFloatTag, scales + i));
    const auto distance =
        hn::Sub(hn::Add(own, hn::LoadU(kFloatTag, lengths + i)), hn::Mul(scale, product));
    hn::StoreU(distance, kFloatTag, out + i);
    float* const least = minima + i % kLanes;
    hn::StoreU(hn::Min(hn::LoadU(kFloatTag, least), distance), kFloatTag, least);
  }
}

size_t below(const float* values, float bound, size_t n, uint32_t* out) {
  const auto limit = hn::Set(kFloatTag, bound);
  size_t found = 0;
  for (size_t i = 0; i < n; i += kFloats) {
    uint8_t bits[8] = {};
    hn::StoreMaskBits(kFloatTag, hn::Le(hn::LoadU(kFloatTag, values + i), limit), bits);
    uint64_t word;
    std::memcpy(&word, bits, sizeof word);
    for (; word != 0; word &= word - 1)
      out[found++] = static_cast<uint32_t>(i + hwy::Num0BitsBelowLS1Bit_Nonzero64(word));
  }
  return found;
}

using Floats = hn::Vec<decltype(kFloatTag)>;

/// One step within a vector: lanes whose number has bit `half` get their partner's value less their
/// own, the others the sum. `swapped` has each lane's partner.
HWY_INLINE Floats butterfly(Floats values, Floats swapped, const uint32_t* signs) {
  constexpr hn::RebindToUnsigned<decltype(kFloatTag)> bits;
  const auto signed_values =
      hn::BitCast(kFloatTag, hn::Xor(hn::BitCast(bits, values), hn::LoadU(bits, signs)));
  return hn::Add(swapped, signed_values);
}

/// Where a step between lanes that are `half` apart subtracts.
constexpr std::array<uint32_t, 16> signs_of(size_t half) {
  std::array<uint32_t, 16> signs{};
  for (size_t lane = 0; lane < signs.size(); ++lane)
    signs[lane] = (lane & half) != 0 ? uint32_t{1} << 31 : 0;
  return signs;
}

/// All steps between the lanes of a vector. A template (always of Floats), so that only the branch
/// for this width is compiled.
template <class V>
HWY_INLINE V hadamard_lanes(V v) {
  static constexpr auto kOne = signs_of(1), kTwo = signs_of(2), kFour = signs_of(4),
                        kEight = signs_of(8);
  v = butterfly(v, hn::Shuffle2301(v), kOne.data());
  v = butterfly(v, hn::Shuffle1032(v), kTwo.data());
  if constexpr (kFloats == 8) {
    v = butterfly(v, hn::ConcatLowerUpper(kFloatTag, v, v), kFour.data());
  } else if constexpr (kFloats == 16) {
    v = butterfly(v, hn::SwapAdjacentBlocks(v), kFour.data());
    v = butterfly(v, hn::ConcatLowerUpper(kFloatTag, v, v), kEight.data());
  }
  return v;
}

void hadamard(float* values, size_t n) {
  if (n < kFloats) {
    plain_hadamard_steps(values, n, n);
    return;
  }
  for (size_t i = 0; i < n; i += kFloats)
    hn::StoreU(hadamard_lanes(hn::LoadU(kFloatTag, values + i)), kFloatTag, values + i);
  for (size_t half = kFloats; half < n; half *= 2) {
    for (size_t begin = 0; begin < n; begin += 2 * half) {
      for (size_t i = begin; i < begin + half; i += kFloats) {
        const auto a = hn::LoadU(kFloatTag, values + i);
        const auto b = hn::LoadU(kFloatTag, values + i + half);
        hn::StoreU(hn::Add(a, b), kFloatTag, values + i);
        hn::StoreU(hn::Sub(a, b), kFloatTag, values + i + half);
      }
    }
  }
}

int32_t weights(const float* values, float factor, size_t n, int8_t* out) {
  constexpr hn::Rebind<int8_t, decltype(kQuadsTag)> narrow;
  const auto by = hn::Set(kFloatTag, factor);
  const auto half = hn::Set(kFloatTag, 0.5F);
  auto sum = hn::Zero(kQuadsTag);
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) {
    const auto scaled = hn::Mul(hn::LoadU(kFloatTag, values + i), by);
    const auto rounded = hn::ConvertTo(kQuadsTag, hn::Add(scaled, hn::CopySign(half, scaled)));
    sum = hn::Add(sum, rounded);
    hn::StoreU(hn::DemoteTo(narrow, rounded), narrow, out + i);
  }
  return hn::GetLane(hn::SumOfLanes(kQuadsTag, sum)) +
         plain_weights(values + i, factor, n - i, out + i);
}

template <bool kFour>
CodeKernels kernels() {
  return {.records1 = records<1, kFour>,
          .records2 = records<2, kFour>,
          .records4 = records<4, kFour>,
          .records8 = records<8, kFour>,
          .dot = dot<kFour>,
          .tile = tile<kFour>,
          .distances = distances,
          .below = below,
          .units = units<kFour>,
          .hadamard = hadamard,
          .weights = weights};
}

CodeKernels make_code_kernels() { return kernels<false>(); }
#if HWY_TARGET == HWY_AVX3
CodeKernels make_vnni_code_kernels() { return kernels<true>(); }
#endif

#endif

}  // namespace HWY_NAMESPACE
}  // namespace viridian::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace viridian::simd {

std::vector<CodeTarget> supported_code_targets() {
  // Fastest first. The last one is what every machine of the architecture runs.
  std::vector<CodeTarget> targets = supported_of<CodeTarget, CodeKernels>(
      {
          {HWY_AVX3, HWY_CHOOSE_AVX3(make_code_kernels)},
          {HWY_AVX2, HWY_CHOOSE_AVX2(make_code_kernels)},
          {HWY_SSE4, HWY_CHOOSE_SSE4(make_code_kernels)},
          {HWY_NEON, HWY_CHOOSE_NEON(make_code_kernels)},
          {HWY_STATIC_TARGET, &HWY_STATIC_DISPATCH(make_code_kernels)},
      },
      hwy::SupportedTargets(), hwy::TargetName);
#if HWY_TARGETS & HWY_AVX3
  if ((hwy::SupportedTargets() & HWY_AVX3) != 0 && __builtin_cpu_supports("avx512vnni") != 0)
    targets.insert(targets.begin(), {"AVX3_VNNI", N_AVX3::make_vnni_code_kernels()});
#endif
  return targets;
}

const CodeKernels& code_kernels() noexcept {
  static const CodeKernels kernels = supported_code_targets().front().kernels;
  return kernels;
}

}  // namespace viridian::simd
#endif
