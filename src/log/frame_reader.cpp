#include "log/frame_reader.h"

#include <algorithm>

namespace viridian::log {

/// Large enough for few calls, small enough for many readers at once.
constexpr uint64_t kReadBytes = 256 << 10;

Result<Bytes> FrameReader::window(uint64_t offset, uint64_t size) {
  if (offset >= end_) return Bytes();
  size = std::min(size, end_ - offset);
  const bool held = offset >= buffer_offset_ &&
                    offset + size <= buffer_offset_ + static_cast<uint64_t>(buffer_.size());
  if (!held) {
    buffer_.resize(std::min(std::max(size, kReadBytes), end_ - offset));
    const auto got = file_.read_at(offset, buffer_);
    buffer_.resize(got.value_or(0));
    buffer_offset_ = offset;
    if (!got.ok()) return got.error();
  }
  return Bytes(buffer_).subspan(offset - buffer_offset_);
}

Result<ParsedFrame> FrameReader::at(uint64_t offset) {
  VIRIDIAN_TRY(const Bytes head, window(offset, kFrameHeaderBytes));
  const ParsedFrame parsed = parse_frame(head);
  // Cut short by the buffer, not by the file: read it whole.
  if (parsed.state != FrameState::cut_short || parsed.size > end_ - offset ||
      parsed.size <= head.size())
    return parsed;
  VIRIDIAN_TRY(const Bytes whole, window(offset, parsed.size));
  return parse_frame(whole);
}

Result<std::optional<FrameReader::Found>> FrameReader::find(uint64_t offset, SeqId first_seq,
                                                            std::optional<uint64_t> salt) {
  while (offset + kFrameHeaderBytes <= end_) {
    VIRIDIAN_TRY(const ParsedFrame parsed, at(offset));
    if (parsed.state == FrameState::whole && parsed.frame.first_seq >= first_seq &&
        parsed.frame.salt == salt.value_or(parsed.frame.salt))
      return Found{offset, parsed.frame, parsed.size};
    offset = after_bad_frame(offset, parsed, salt);
  }
  return std::nullopt;
}

uint64_t after_bad_frame(uint64_t offset, const ParsedFrame& bad, std::optional<uint64_t> salt) {
  const bool skip = bad.size > 0 && salt == bad.frame.salt;
  return offset + (skip ? bad.size : kFrameAlignment);
}

}  // namespace viridian::log
