#include "os/large_array.h"

#include <sys/mman.h>

#include <new>

namespace viridian::os {
namespace {

constexpr size_t kCacheLine = 64;
constexpr size_t kLargePage = size_t{2} << 20;

size_t alignment_of(size_t bytes) { return bytes >= 2 * kLargePage ? kLargePage : kCacheLine; }

}  // namespace

LargeMemory::LargeMemory(size_t bytes)
    : alignment_(alignment_of(bytes)), data_(::operator new(bytes, std::align_val_t(alignment_))) {
#ifdef MADV_HUGEPAGE
  // The last piece of a page stays in small ones, so that no more is taken than was asked for. What
  // the system answers does not matter: without large pages everything is as right, only slower.
  if (alignment_ == kLargePage) ::madvise(data_, bytes / kLargePage * kLargePage, MADV_HUGEPAGE);
#endif
}

LargeMemory::~LargeMemory() { ::operator delete(data_, std::align_val_t(alignment_)); }

}  // namespace viridian::os
