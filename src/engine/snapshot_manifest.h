#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/result.h"
#include "viridian/model/requests.h"

namespace viridian::engine {

/// A file of the snapshot store, as it was when it came in.
struct StoredFile {
  std::string name;  ///< below the store: "files/..." or "tails/..."
  uint64_t bytes = 0;
  uint32_t crc = 0;  ///< CRC-32C of all of it
  friend bool operator==(const StoredFile&, const StoredFile&) = default;
};

/// One collection in a snapshot.
struct SnapshotCollection {
  Collection collection;
  /// As the SysDb had them; every file of theirs is in `files`.
  std::vector<Segment> segments;
  /// The log's records up to this number are in the segments' files, later ones in the tail.
  SeqId sealed = 0;
  SeqId last = 0;        ///< number of the last record
  uint64_t records = 0;  ///< live ones
  std::vector<StoredFile> files;
  std::optional<StoredFile> tail;  ///< unset where last == sealed
};

/// What a snapshot consists of.
struct SnapshotManifest {
  std::string name;
  int64_t created_at = 0;  ///< seconds since 1970
  uint64_t new_bytes = 0;  ///< see SnapshotInfo
  std::vector<DatabasePath> databases;
  std::vector<SnapshotCollection> collections;

  /// Every file it needs, each once.
  std::vector<StoredFile> stored() const;
  SnapshotInfo info() const;
};

/// The manifest as text: JSON on one line, and a line with its checksum.
std::string encode_manifest(const SnapshotManifest& manifest);
///   data_loss            the text is not what encode_manifest gave
///   failed_precondition  a later version of this program wrote it
Result<SnapshotManifest> decode_manifest(std::string_view text);

}  // namespace viridian::engine
