#pragma once
#include <bit>
#include <cstdint>
#include <vector>

#include "viridian/model/ids.h"

namespace viridian {

/// A set of record offsets with its exact size: what filters give and searches take.
/// Kept as a bitmap over the offsets seen so far (one bit each).
class OffsetSet {
 public:
  void insert(Offset offset) {
    const size_t word = offset / 64;
    if (word >= words_.size()) words_.resize(word + 1);
    const uint64_t bit = uint64_t{1} << (offset % 64);
    size_ += (words_[word] & bit) == 0;
    words_[word] |= bit;
  }
  bool contains(Offset offset) const noexcept {
    const size_t word = offset / 64;
    return word < words_.size() && ((words_[word] >> (offset % 64)) & 1) != 0;
  }
  uint64_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// Of the offsets from `first` to `last`.
  uint64_t count(Offset first, Offset last) const noexcept;
  void intersect(const OffsetSet& other);

  /// Calls f(offset) in ascending order until f returns false.
  template <class F>
  void for_each(F&& f) const {
    for (size_t word = 0; word < words_.size(); ++word) {
      for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
        if (!f(Offset{word} * 64 + static_cast<Offset>(std::countr_zero(bits)))) return;
      }
    }
  }
  /// Offsets from position `skip` on, at most `limit`, ascending.
  std::vector<Offset> slice(uint64_t skip, uint64_t limit) const;

 private:
  std::vector<uint64_t> words_;
  uint64_t size_ = 0;
};

}  // namespace viridian
