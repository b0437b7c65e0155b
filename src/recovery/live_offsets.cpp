#include "recovery/live_offsets.h"

#include <algorithm>
#include <bit>

namespace viridian::recovery {
namespace {
/// Far more records than a collection can have had: rows are numbered by 32 bits in each file.
constexpr Offset kOffsetsMax = uint64_t{1} << 40;
}  // namespace

bool OffsetBits::insert(Offset offset) {
  if (offset >= kOffsetsMax || contains(offset)) return false;
  if (offset / 64 >= words_.size()) words_.resize(offset / 64 + 1);
  words_[offset / 64] |= uint64_t{1} << (offset % 64);
  return true;
}

bool OffsetBits::erase(Offset offset) noexcept {
  if (!contains(offset)) return false;
  words_[offset / 64] &= ~(uint64_t{1} << (offset % 64));
  return true;
}

uint64_t OffsetBits::count() const noexcept {
  uint64_t count = 0;
  for (const uint64_t word : words_) count += static_cast<uint64_t>(std::popcount(word));
  return count;
}

uint64_t OffsetBits::first_difference(const OffsetBits& a, const OffsetBits& b) noexcept {
  const size_t words = std::max(a.words_.size(), b.words_.size());
  for (size_t i = 0; i < words; ++i) {
    const uint64_t in_a = i < a.words_.size() ? a.words_[i] : 0;
    const uint64_t in_b = i < b.words_.size() ? b.words_[i] : 0;
    if (in_a != in_b)
      return uint64_t{i} * 64 + static_cast<uint64_t>(std::countr_zero(in_a ^ in_b));
  }
  return kUnknown;
}

}  // namespace viridian::recovery
