#include "segment/arena.h"

#include <algorithm>

namespace viridian::segment {
namespace {
constexpr size_t kLargestBlock = size_t{1} << 20;
}  // namespace

std::byte* Arena::allocate(size_t size) {
  size = (size + 7) & ~size_t{7};
  if (size > left_) {
    // A piece that would waste much of a block gets one of its own.
    const bool own = size > next_block_ / 4;
    const size_t block = own ? size : next_block_;
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block));
    bytes_ += block;
    if (own) return blocks_.back().get();
    next_block_ = std::min(next_block_ * 2, kLargestBlock);
    free_ = blocks_.back().get();
    left_ = block;
  }
  std::byte* piece = free_;
  free_ += size;
  left_ -= size;
  return piece;
}

}  // namespace viridian::segment
