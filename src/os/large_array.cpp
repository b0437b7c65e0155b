#include "os/large_array.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <utility>

namespace viridian::os {
namespace {

constexpr size_t kCacheLine = 64;
constexpr size_t kLargePage = size_t{2} << 20;

std::align_val_t alignment_of(size_t bytes) {
  return std::align_val_t(bytes >= 2 * kLargePage ? kLargePage : kCacheLine);
}

/// The last piece of a page stays in small ones, so that no more is taken than was asked for.
size_t in_large_pages(size_t bytes) {
  return bytes >= 2 * kLargePage ? bytes / kLargePage * kLargePage : 0;
}

}  // namespace

LargeMemory::LargeMemory(size_t bytes)
    : bytes_(bytes), data_(::operator new(bytes, alignment_of(bytes))) {
#ifdef MADV_HUGEPAGE
  // What the system answers does not matter: without large pages everything is as right, only
  // slower.
  if (in_large_pages(bytes) > 0) ::madvise(data_, in_large_pages(bytes), MADV_HUGEPAGE);
#endif
}

LargeMemory::LargeMemory(LargeMemory&& other) noexcept
    : bytes_(std::exchange(other.bytes_, 0)), data_(std::exchange(other.data_, nullptr)) {}

LargeMemory& LargeMemory::operator=(LargeMemory&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(data_, other.data_);
  return *this;
}

LargeMemory::~LargeMemory() { ::operator delete(data_, alignment_of(bytes_)); }

size_t LargeMemory::taken(size_t used) const noexcept {
  const size_t whole = (used + kLargePage - 1) / kLargePage * kLargePage;
  return std::max(used, std::min(whole, in_large_pages(bytes_)));
}

}  // namespace viridian::os
