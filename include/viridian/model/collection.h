#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "viridian/model/ids.h"
#include "viridian/model/metadata.h"
#include "viridian/model/schema.h"

namespace viridian {

struct Tenant {
  std::string name;
  std::optional<std::string> resource_name;
  friend bool operator==(const Tenant&, const Tenant&) = default;
};

struct Database {
  Uuid id;
  std::string name;
  std::string tenant;
  friend bool operator==(const Database&, const Database&) = default;
};

struct Collection {
  CollectionId id;
  std::string name;
  std::string tenant;
  std::string database;
  /// Length of every vector; unset until the first vector is stored, then fixed for good.
  std::optional<uint32_t> dimension;
  std::optional<Metadata> metadata;
  /// Always full: what a request leaves out is filled in at creation (model/schema_rules.h).
  Schema schema;
  friend bool operator==(const Collection&, const Collection&) = default;
};

enum class SegmentScope : uint8_t { metadata = 0, vector = 1 };

/// An immutable file of a segment. It exists, complete and synced, before the SysDb names it.
struct SegmentFile {
  Uuid id;
  std::string name;  ///< file name below the collection's segment directory
  uint64_t size_bytes = 0;
  uint64_t rows = 0;
  SeqId first_seq = 0;  ///< the log records it holds: first_seq..last_seq
  SeqId last_seq = 0;
  /// The collection that wrote it, which its header names; nil: the one it belongs to. They differ
  /// after a restore under another name.
  CollectionId origin = {};
  friend bool operator==(const SegmentFile&, const SegmentFile&) = default;
};

/// One half of a collection: how its metadata or its vectors are kept.
struct Segment {
  SegmentId id;
  CollectionId collection;
  SegmentScope scope = SegmentScope::metadata;
  std::string type;  ///< a name in the segment type registry, such as "local::MetadataSegment"
  /// Every log record up to this number is in `files`; later ones are in the log.
  SeqId sealed = 0;
  std::vector<SegmentFile> files;  ///< oldest first
  /// Since when its files hold something deleted or replaced, in seconds since 1970; 0: nothing.
  int64_t garbage_since = 0;
  /// Where its records are kept, for managers that have several places, such as the shards of a
  /// cluster; fixed when the collection is made. Empty: there is only one.
  std::string placement = {};
  friend bool operator==(const Segment&, const Segment&) = default;
};

}  // namespace viridian
