#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/files.h"
#include "segment/sealed_layout.h"

// The frame of a sealed file (docs/file-formats.md), read so that damage in one place says as
// little as possible about the others.
namespace viridian::recovery {

inline constexpr size_t kSegmentHeaderBytes = sizeof(segment::StoredHeader);
inline constexpr size_t kSegmentTailBytes = sizeof(segment::StoredTail);

/// What the end of a sealed file says.
struct SegmentLayout {
  uint64_t data_size = 0;  ///< what the blocks cover; the footer begins there
  std::vector<segment::NamedSection> sections;
  std::vector<uint32_t> block_crcs;
  bool verified = false;  ///< the footer's checksum is right; else its parts merely fit together
  bool sound_tail = false;
};

/// What the header says, where its checksum is right.
struct SegmentHeader {
  uint32_t version = 0;
  segment::FileIdentity identity;
};
std::optional<SegmentHeader> read_segment_header(os::Bytes file);

/// Where the footer is is told by the last bytes, and follows from the size and the number of
/// sections too. Null where neither gives a footer whose parts fit together.
std::optional<SegmentLayout> read_segment_layout(os::Bytes file);

}  // namespace viridian::recovery
