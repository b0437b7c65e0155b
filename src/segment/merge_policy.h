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
  bool indexed = false;      ///< or never will be
};

inline constexpr uint64_t kMostIndexedRows = (uint64_t{1} << 30) - 1;

/// Garbage that is never worth a merge of its own.
inline constexpr uint64_t kGarbageFloorBytes = uint64_t{64} << 10;

/// The neighbours that are best merged now (see decision 0011), `files` being oldest first:
///  - when the garbage is more than 15 % of what is live: the files that have it;
///  - else the longest run of four or more of which none is larger than the others together.
/// A merge of the second kind at least doubles the file that a byte lies in, so a byte is written
/// at most log2(all / sealed at once) times more; the first kind writes at most 1 / 0.15 bytes per
/// byte that became garbage.
std::optional<FileRange> choose_merge(std::span<const FileWeight> files);

/// The same where files have indexes, each of which a search has to walk:
///  - garbage as above;
///  - else, when the files without an index have `indexed_rows` or more, all of those, with
///    the files before them as long as these have at most four times as many rows as come after: so
///    there are few indexes, and a row is in few that are built;
///  - else, among the newest files without an index, an even run as above.
///
/// An index is of `most_rows` at most, so nothing is gained by putting more into a file with those
/// that have one. Where these are fewer than `indexed_rows` there are no indexes.
std::optional<FileRange> choose_indexed_merge(std::span<const FileWeight> files,
                                              uint64_t indexed_rows,
                                              uint64_t most_rows = kMostIndexedRows);

}  // namespace viridian::segment
