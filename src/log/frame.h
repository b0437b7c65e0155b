#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "os/files.h"
#include "viridian/model/ids.h"

// The frames of a log file: pure functions on bytes. docs/file-formats.md has the layout.
namespace viridian::log {

using os::Bytes;

constexpr size_t kFrameHeaderBytes = 48;
constexpr size_t kFrameAlignment = 8;
/// What a frame may hold at most.
constexpr uint64_t kPayloadBytesMax = uint64_t{1} << 30;

using FrameHeader = std::array<std::byte, kFrameHeaderBytes>;

/// One appended batch, or, without records, a mark: it only says that all before it is durable.
struct Frame {
  SeqId first_seq = 0;
  /// Number of the last record that was durable when the frame was written. It proves that
  /// everything up to there had been written well before.
  SeqId durable_seq = 0;
  uint32_t records = 0;  ///< 0: a mark
  uint64_t salt = 0;     ///< the same in all frames of one file, and in no other
  Bytes payload;
  bool is_mark() const { return records == 0; }
  /// Of a mark: the number before it.
  SeqId last_seq() const { return first_seq + records - 1; }
};

enum class FrameState {
  whole,            ///< everything is there, and the checksums agree
  cut_short,        ///< the bytes end before the frame does
  damaged,          ///< not a frame, or its bytes have changed
  unknown_version,  ///< a sound header of a version that this program does not know
};

struct ParsedFrame {
  FrameState state = FrameState::damaged;
  /// Bytes from this frame's beginning to the next one's; 0 where the header is not sound.
  uint64_t size = 0;
  Frame frame;  ///< where whole; where only the header is sound, all but the payload
};

/// Looks at the frame at the beginning of `bytes`.
ParsedFrame parse_frame(Bytes bytes);

/// The payload with zeros up to the alignment: what is checksummed and written.
constexpr uint64_t padded_size(uint64_t payload_size) {
  return (payload_size + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
}
/// The header to a padded payload of which `payload_size` bytes count and whose CRC is given.
FrameHeader make_frame_header(const Frame& frame, uint64_t payload_size, uint32_t payload_crc);
/// A whole mark: it follows record `durable_seq`, which is durable.
FrameHeader make_mark(SeqId durable_seq, uint64_t salt);

}  // namespace viridian::log
