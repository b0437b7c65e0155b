#pragma once
#include <cstdint>
#include <vector>

#include "recovery/segment_contents.h"

namespace viridian::recovery {

/// Offsets as a bitmap: one bit each up to the greatest.
class OffsetBits {
 public:
  bool contains(Offset offset) const noexcept {
    return offset / 64 < words_.size() && (words_[offset / 64] >> (offset % 64) & 1) != 0;
  }
  /// False where it was there already, or is too great to be true.
  bool insert(Offset offset);
  /// False where it was not there.
  bool erase(Offset offset) noexcept;
  uint64_t count() const noexcept;
  /// The smallest offset that is in one of the two only; kUnknown: they are equal.
  static uint64_t first_difference(const OffsetBits& a, const OffsetBits& b) noexcept;

 private:
  std::vector<uint64_t> words_;
};

/// Follows a segment's files from oldest to newest. `complain` is told of offsets that come twice;
/// its offset is the position of the file.
template <class AnyContents>
OffsetBits live_offsets(const std::vector<AnyContents>& files, const Complaint& complain) {
  OffsetBits live;
  for (size_t i = 0; i < files.size(); ++i) {
    // A merge of the files before may have left the row out already, so it need not be there.
    for (const Offset offset : files[i].ended) live.erase(offset);
    for (const Offset offset : files[i].offsets)
      if (offset != kUnknown && !live.insert(offset))
        complain(i, "its offset " + std::to_string(offset) + " is live in a file before it too");
  }
  return live;
}

}  // namespace viridian::recovery
