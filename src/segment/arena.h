#pragma once
#include <cstddef>
#include <memory>
#include <vector>

namespace viridian::segment {

/// Memory that is given out piece by piece and freed all at once. Pieces are aligned to 8 bytes.
/// For one thread.
class Arena {
 public:
  std::byte* allocate(size_t size);
  /// Bytes taken from the system.
  size_t bytes() const noexcept { return bytes_; }

 private:
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* free_ = nullptr;
  size_t left_ = 0;
  size_t next_block_ = size_t{8} << 10;
  size_t bytes_ = 0;
};

}  // namespace viridian::segment
