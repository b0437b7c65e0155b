#include "viridian/model/offset_set.h"

#include <algorithm>

namespace viridian {

void OffsetSet::intersect(const OffsetSet& other) {
  words_.resize(std::min(words_.size(), other.words_.size()));
  size_ = 0;
  for (size_t word = 0; word < words_.size(); ++word) {
    words_[word] &= other.words_[word];
    size_ += static_cast<uint64_t>(std::popcount(words_[word]));
  }
}

uint64_t OffsetSet::count(Offset first, Offset last) const noexcept {
  if (words_.empty() || first > last || first / 64 >= words_.size()) return 0;
  last = std::min<Offset>(last, Offset{words_.size()} * 64 - 1);
  uint64_t ones = 0;
  for (size_t word = first / 64; word <= last / 64; ++word) {
    uint64_t bits = words_[word];
    if (word == first / 64) bits &= ~uint64_t{0} << (first % 64);
    if (word == last / 64) bits &= ~uint64_t{0} >> (63 - last % 64);
    ones += static_cast<uint64_t>(std::popcount(bits));
  }
  return ones;
}

std::vector<Offset> OffsetSet::slice(uint64_t skip, uint64_t limit) const {
  std::vector<Offset> offsets;
  if (skip >= size_ || limit == 0) return offsets;
  offsets.reserve(std::min(limit, size_ - skip));
  for (size_t word = 0; word < words_.size() && offsets.size() < limit; ++word) {
    const auto ones = static_cast<uint64_t>(std::popcount(words_[word]));
    if (skip >= ones) {
      skip -= ones;
      continue;
    }
    for (uint64_t bits = words_[word]; bits != 0 && offsets.size() < limit; bits &= bits - 1) {
      if (skip > 0)
        --skip;
      else
        offsets.push_back(Offset{word} * 64 + static_cast<Offset>(std::countr_zero(bits)));
    }
  }
  return offsets;
}

}  // namespace viridian
