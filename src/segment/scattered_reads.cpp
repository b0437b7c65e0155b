#include "segment/scattered_reads.h"

#include <utility>

#include "os/page_faults.h"

namespace viridian::segment {
namespace {

/// Of batches in memory one in so many looks whether its thread has had to wait since the last
/// look, which takes a third of a microsecond.
constexpr uint32_t kLookEvery = 8;
/// In memory at last: so many samples in a row were there.
constexpr uint32_t kUntilWarm = 256;

/// What a thread last saw of its waits, and when it looks again.
struct Looks {
  const void* file = nullptr;
  uint64_t waits = 0;
  uint32_t until_next = 0;
};
thread_local Looks looks;

}  // namespace

ScatteredReads::ScatteredReads(std::unique_ptr<os::Mapping> mapping)
    : mapping_(std::move(mapping)) {
  mapping_->expect_scattered();
}

bool ScatteredReads::likely_to_wait(os::Bytes sample) const noexcept {
  if (const uint32_t left = waits_.load(std::memory_order_relaxed); left != 0) {
    const bool there = mapping_->in_memory(sample);
    waits_.store(there ? left - 1 : kUntilWarm, std::memory_order_relaxed);
    return true;
  }
  if (looks.file == this && looks.until_next != 0) {
    --looks.until_next;
    return false;
  }
  const uint64_t waits = os::waits_for_pages();
  const bool waited = looks.file == this && looks.waits != waits;
  // Waits for what is read for the first time say nothing: two looks in a row see the same file.
  looks = {this, waits, kLookEvery - 1};
  if (waited) waits_.store(kUntilWarm, std::memory_order_relaxed);
  return waited;
}

}  // namespace viridian::segment
