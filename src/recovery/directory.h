#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "component/data_directory.h"
#include "os/files.h"
#include "segment/sealed_file.h"
#include "sysdb/sqlite_sysdb.h"
#include "viridian/model/collection.h"

namespace viridian::recovery {

/// Where what is, below the data directory.
struct Directory {
  os::Files& files;
  std::string path;
  std::string snapshots;  ///< the snapshots' directory

  std::string sysdb() const { return os::join(path, "sysdb.sqlite3"); }
  std::string catalogue() const { return os::join(path, "catalogue"); }
  std::string segments() const { return os::join(path, "segments"); }
  std::string segments(const CollectionId& id) const {
    return os::join(segments(), id.to_string());
  }
  std::string logs() const { return os::join(path, "log"); }
  std::string log(const CollectionId& id) const { return os::join(logs(), id.to_string()); }
  /// A path as reports show it: without the data directory, where it is below that.
  std::string shown(std::string_view file) const;
};

/// A collection as the SysDb has it.
struct KnownCollection {
  Collection row;
  std::vector<Segment> segments;
  friend bool operator==(const KnownCollection&, const KnownCollection&) = default;

  const Segment* segment(SegmentScope scope) const;
  /// What its segments are sealed up to; where they disagree, the least.
  SeqId sealed() const;
};

/// Names in a directory; none where there is no directory.
Result<std::vector<std::string>> list_if_there(os::Files& files, const std::string& directory);

/// What the header of a segment's file must say.
segment::FileIdentity identity_of(const KnownCollection&, const Segment&, const SegmentFile&);

/// The SysDb of a directory without the directory's lock, so either read-only or under a lock that
/// the caller holds.
class OpenSysDb {
 public:
  ///   data_loss, not_found, failed_precondition: as sqlite::SysDb::start
  static Result<std::unique_ptr<OpenSysDb>> open(const Context&, const Directory&, bool read_only);
  OpenSysDb(const Directory& directory, bool read_only);
  ~OpenSysDb();

  /// Makes the SysDb where there is none; open() is the way to one that is there.
  Status start(const Context& context) { return sysdb_.start(context); }
  SysDb& get() noexcept { return sysdb_; }
  Result<uint64_t> latest_change(const Context& context) { return sysdb_.latest_change(context); }
  /// not_found: it was dropped.
  Result<KnownCollection> collection(const Context&, const CollectionId& id);

 private:
  local::DataDirectory place_;
  sqlite::SysDb sysdb_;
};

/// All of a file, which must be no longer than `limit`.
Result<std::string> read_whole(os::Files& files, const std::string& path, uint64_t limit);

}  // namespace viridian::recovery
