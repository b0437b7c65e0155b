#pragma once
#include <optional>
#include <vector>

#include "log/frame.h"
#include "os/files.h"

namespace viridian::log {

/// Reads frames from a file through one buffer. Not thread-safe.
class FrameReader {
 public:
  /// Only the first `end` bytes of the file are looked at.
  FrameReader(const os::File& file, uint64_t end) : file_(file), end_(end) {}

  uint64_t end() const noexcept { return end_; }

  /// The frame at `offset`. Its payload is good until the next call.
  Result<ParsedFrame> at(uint64_t offset);

  struct Found {
    uint64_t offset = 0;
    Frame frame;
    uint64_t size = 0;
  };
  /// The next whole frame, at `offset` or later, that belongs to this file (where its salt is
  /// known) and begins with `first_seq` or a later number.
  Result<std::optional<Found>> find(uint64_t offset, SeqId first_seq, std::optional<uint64_t> salt);

 private:
  /// The bytes from `offset` on: at least `size`, fewer only at the end.
  Result<Bytes> window(uint64_t offset, uint64_t size);

  const os::File& file_;
  uint64_t end_;
  std::vector<std::byte> buffer_;
  uint64_t buffer_offset_ = 0;
};

/// Where to look for a whole frame after the one at `offset` turned out not to be one. Where its
/// header is sound and the file's own its payload is skipped: bytes that a client sent are not to
/// be taken for frames, nor to hide any.
uint64_t after_bad_frame(uint64_t offset, const ParsedFrame& bad, std::optional<uint64_t> salt);

}  // namespace viridian::log
