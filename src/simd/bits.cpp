#include "simd/bits.h"

#include <bit>

// As in distance.cpp.
#define HWY_DISABLED_TARGETS \
  (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_SSSE3 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "simd/bits.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace viridian::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

uint64_t count(const uint64_t* words, size_t size) {
  const hn::ScalableTag<uint64_t> tag;
  const size_t lanes = hn::Lanes(tag);
  auto sums = hn::Zero(tag);
  size_t i = 0;
  for (; i + lanes <= size; i += lanes)
    sums = hn::Add(sums, hn::PopulationCount(hn::LoadU(tag, words + i)));
  uint64_t sum = hn::GetLane(hn::SumOfLanes(tag, sums));
  for (; i < size; ++i) sum += static_cast<uint64_t>(std::popcount(words[i]));
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace viridian::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace viridian::simd {

HWY_EXPORT(count);

uint64_t count_bits(const uint64_t* words, size_t count) noexcept {
  return HWY_DYNAMIC_DISPATCH(count)(words, count);
}

}  // namespace viridian::simd
#endif
