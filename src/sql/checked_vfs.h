#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "os/files.h"
#include "sql/files_vfs.h"
#include "sql/page_checksum.h"
#include "viridian/base/result.h"

struct sqlite3_vfs;

namespace viridian::sql {

/// What SQLite does not do by itself, between it and the disk, for one connection:
/// - pages of a database file get checksums when they are written, and are checked when read
///   (page_checksum.h; the write-ahead log has SQLite's own), and lose what deleted rows left;
/// - after a failed sync nothing is written any more, because what was written before may be lost
///   although a second sync would succeed;
/// - why a call failed, in words.
/// Below it are the operating system's files, or os::Files where nothing may go around those.
class CheckedVfs {
 public:
  /// Known to SQLite under its name() as long as it lives, which must be longer than the
  /// connection does.
  explicit CheckedVfs(os::Files& files);
  ~CheckedVfs();
  CheckedVfs(const CheckedVfs&) = delete;
  CheckedVfs& operator=(const CheckedVfs&) = delete;

  const char* name() const noexcept { return name_.c_str(); }
  sqlite3_vfs& inner() noexcept { return *inner_; }

  /// Why the latest call failed with this code, once; nothing where only SQLite knows.
  std::optional<Error> take_failure(int code);
  /// Why nothing is written any more.
  std::optional<Error> broken() const;

  /// Whether the pages of the database file have checksums: all but those of the first version.
  bool checks_pages() const;

  /// For what it registers with SQLite.
  void found_format(bool checked);
  int failed(int code, const std::optional<Error>& why);
  int sync_failed(int code, const std::string& path, int system_errno);
  int page_damaged(const std::string& path, uint64_t page, uint64_t offset);
  /// A code where nothing may be written any more, otherwise 0.
  int refuse_write();

 private:
  struct Failure {
    int code = 0;
    std::optional<Error> why;
  };

  std::shared_ptr<FilesVfs> files_;  // null over the operating system's files
  sqlite3_vfs* inner_;
  const std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  mutable std::mutex mutex_;
  Failure failure_;  // guarded by mutex_, as below
  std::optional<Error> broken_;
  std::optional<bool> checks_pages_;  // unset before the database file is open
};

}  // namespace viridian::sql
