#pragma once
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "viridian/model/ids.h"

namespace viridian {

/// A set of record offsets with its exact size: what filters give and searches take.
/// Kept as a bitmap from about the least offset to the greatest (one bit each).
class OffsetSet {
 public:
  void insert(Offset offset) {
    size_t word = offset / 64 - first_word_;
    if (word >= words_.size()) word = grow(offset / 64, 1);
    const uint64_t bit = uint64_t{1} << (offset % 64);
    size_ += (words_[word] & bit) == 0;
    words_[word] |= bit;
  }
  /// The offsets `first` + i for which bit i % 64 of bits[i / 64] is set.
  void insert_bits(Offset first, std::span<const uint64_t> bits);
  /// Those from `first` to before `last`.
  void insert_range(Offset first, Offset last);
  bool contains(Offset offset) const noexcept {
    const size_t word = offset / 64 - first_word_;
    return word < words_.size() && ((words_[word] >> (offset % 64)) & 1) != 0;
  }
  uint64_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// Of the offsets from `first` to `last`.
  uint64_t count(Offset first, Offset last) const noexcept;
  void unite(const OffsetSet& other);
  void intersect(const OffsetSet& other);
  void subtract(const OffsetSet& other);

  /// Calls f(offset) in ascending order until f returns false.
  template <class F>
  void for_each(F&& f) const {
    for (size_t word = 0; word < words_.size(); ++word) {
      for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
        if (!f(first_of(word) + static_cast<Offset>(std::countr_zero(bits)))) return;
      }
    }
  }
  /// Offsets from position `skip` on, at most `limit`, ascending.
  std::vector<Offset> slice(uint64_t skip, uint64_t limit) const;

 private:
  Offset first_of(size_t word) const noexcept { return (Offset{first_word_} + word) * 64; }
  /// Makes room for `count` words from `word` on, counted from offset 0; returns the first's place.
  size_t grow(uint64_t word, size_t count);

  std::vector<uint64_t> words_;
  uint64_t first_word_ = 0;  ///< of the offsets, that of words_[0]
  uint64_t size_ = 0;
};

}  // namespace viridian
