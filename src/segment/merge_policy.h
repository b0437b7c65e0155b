#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "viridian/spi/segment_types.h"

namespace viridian::segment {

/// What choosing files to merge looks at.
struct FileWeight {
  uint64_t bytes = 0;
  uint64_t rows = 0;
  uint64_t dead_bytes = 0;   ///< of rows that have ended
  uint64_t ended_bytes = 0;  ///< of its list of what has ended in older files
};

/// Garbage that is never worth a merge of its own.
inline constexpr uint64_t kGarbageFloorBytes = uint64_t{64} << 10;

/// The neighbours that are best merged now (see decision 0011), `files` being oldest first:
///  - when the garbage is more than 15 % of what is live: the files that have it;
///  - else the longest run of four or more of which none is larger than the others together.
/// A merge of the second kind at least doubles the file that a byte lies in, so a byte is written
/// at most log2(all / sealed at once) times more; the first kind writes at most 1 / 0.15 bytes per
/// byte that became garbage.
std::optional<FileRange> choose_merge(std::span<const FileWeight> files);

}  // namespace viridian::segment
