#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "os/files.h"

namespace viridian::segment {

/// A file mapped for reading here and there, which may be larger than memory. Pieces that are
/// needed together can be asked for together, so that the disk reads them at once: but asking costs
/// as much as reading what is in memory, so it is only worth it where reads have had to wait
/// lately. Thread-safe.
class ScatteredReads {
 public:
  explicit ScatteredReads(std::unique_ptr<os::Mapping> mapping);

  os::Bytes bytes() const noexcept { return mapping_->bytes(); }
  /// To be asked before each batch of reads, of which `sample` is one: whether the others had
  /// better be asked for.
  bool likely_to_wait(os::Bytes sample) const noexcept;
  void will_need(os::Bytes part) const noexcept { mapping_->will_need(part); }

 private:
  std::unique_ptr<os::Mapping> mapping_;
  /// Batches for which to ask still, as long as none of their samples is found missing.
  mutable std::atomic<uint32_t> waits_ = 0;
};

}  // namespace viridian::segment
