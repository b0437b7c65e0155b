#include "viridian/model/offset_set.h"

#include <algorithm>

#include "simd/bits.h"

namespace viridian {

size_t OffsetSet::grow(uint64_t word, size_t count) {
  if (words_.empty()) first_word_ = word;
  if (word < first_word_) {
    // What comes in descending order must not move all of it each time.
    const uint64_t needed = first_word_ - word;
    const uint64_t room =
        std::min<uint64_t>(first_word_, std::max<uint64_t>(needed, words_.size()));
    words_.insert(words_.begin(), room, 0);
    first_word_ -= room;
  }
  const size_t place = word - first_word_;
  if (place + count > words_.size()) words_.resize(place + count);
  return place;
}

void OffsetSet::insert_bits(Offset first, std::span<const uint64_t> bits) {
  while (!bits.empty() && bits.back() == 0) bits = bits.first(bits.size() - 1);
  if (bits.empty()) return;
  const auto shift = static_cast<unsigned>(first % 64);
  const bool spills = shift != 0 && bits.back() >> (64 - shift) != 0;
  const size_t count = bits.size() + (spills ? 1 : 0);
  const size_t place = grow(first / 64, count);
  uint64_t* words = words_.data() + place;
  size_ -= simd::count_bits(words, count);
  uint64_t carried = 0;
  for (size_t i = 0; i < bits.size(); ++i) {
    words[i] |= bits[i] << shift | carried;
    carried = shift == 0 ? 0 : bits[i] >> (64 - shift);
  }
  if (spills) words[bits.size()] |= carried;
  size_ += simd::count_bits(words, count);
}

void OffsetSet::insert_range(Offset first, Offset last) {
  if (first >= last) return;
  const size_t count = (last - 1) / 64 - first / 64 + 1;
  const size_t place = grow(first / 64, count);
  uint64_t* words = words_.data() + place;
  size_ -= simd::count_bits(words, count);
  const uint64_t begin = ~uint64_t{0} << (first % 64), end = ~uint64_t{0} >> (63 - (last - 1) % 64);
  if (count == 1) {
    words[0] |= begin & end;
  } else {
    words[0] |= begin;
    std::fill(words + 1, words + count - 1, ~uint64_t{0});
    words[count - 1] |= end;
  }
  size_ += simd::count_bits(words, count);
}

void OffsetSet::unite(const OffsetSet& other) { insert_bits(other.first_of(0), other.words_); }

void OffsetSet::intersect(const OffsetSet& other) {
  for (size_t word = 0; word < words_.size(); ++word) {
    const size_t theirs = word + first_word_ - other.first_word_;
    words_[word] &= theirs < other.words_.size() ? other.words_[theirs] : 0;
  }
  size_ = simd::count_bits(words_.data(), words_.size());
}

void OffsetSet::subtract(const OffsetSet& other) {
  for (size_t word = 0; word < words_.size(); ++word) {
    const size_t theirs = word + first_word_ - other.first_word_;
    words_[word] &= theirs < other.words_.size() ? ~other.words_[theirs] : ~uint64_t{0};
  }
  size_ = simd::count_bits(words_.data(), words_.size());
}

uint64_t OffsetSet::count(Offset first, Offset last) const noexcept {
  if (words_.empty()) return 0;
  first = std::max(first, first_of(0));
  last = std::min(last, first_of(words_.size()) - 1);
  if (first > last) return 0;
  const size_t begin = first / 64 - first_word_, end = last / 64 - first_word_;
  const uint64_t before = ~(~uint64_t{0} << (first % 64)),
                 after = ~(~uint64_t{0} >> (63 - last % 64));
  return simd::count_bits(words_.data() + begin, end - begin + 1) -
         static_cast<uint64_t>(std::popcount(words_[begin] & before)) -
         static_cast<uint64_t>(std::popcount(words_[end] & after));
}

std::vector<Offset> OffsetSet::slice(uint64_t skip, uint64_t limit) const {
  std::vector<Offset> offsets;
  if (skip >= size_ || limit == 0) return offsets;
  offsets.reserve(std::min(limit, size_ - skip));
  size_t word = 0;
  constexpr size_t kStride = 64;
  for (; word + kStride < words_.size(); word += kStride) {
    const uint64_t ones = simd::count_bits(words_.data() + word, kStride);
    if (skip < ones) break;
    skip -= ones;
  }
  for (; word < words_.size() && offsets.size() < limit; ++word) {
    const auto ones = static_cast<uint64_t>(std::popcount(words_[word]));
    if (skip >= ones) {
      skip -= ones;
      continue;
    }
    for (uint64_t bits = words_[word]; bits != 0 && offsets.size() < limit; bits &= bits - 1) {
      if (skip > 0)
        --skip;
      else
        offsets.push_back(first_of(word) + static_cast<Offset>(std::countr_zero(bits)));
    }
  }
  return offsets;
}

}  // namespace viridian
