#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "os/files.h"
#include "sql/shared_memory.h"
#include "viridian/base/result.h"

struct sqlite3_vfs;

namespace viridian::sql {

/// SQLite's way to the disk over os::Files, for one process: its locks and the index of its
/// write-ahead log are in memory. Thread-safe.
class FilesVfs {
 public:
  /// The one for these files, which all connections to them share; it lives while one is held.
  static std::shared_ptr<FilesVfs> of(os::Files& files);
  explicit FilesVfs(os::Files& files);
  ~FilesVfs();
  FilesVfs(const FilesVfs&) = delete;
  FilesVfs& operator=(const FilesVfs&) = delete;

  sqlite3_vfs* handle() noexcept { return vfs_.get(); }
  os::Files& files() noexcept { return files_; }
  /// Remembers why a call is about to fail with `code`; returns the code to give to SQLite.
  int failed(int code, const Error& error);
  /// The reason of the latest failure, once.
  std::optional<Error> take_failure();
  std::shared_ptr<SharedMemory> shared(const std::string& path);

 private:
  os::Files& files_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  std::mutex mutex_;
  std::optional<Error> failure_;  // guarded by mutex_, as below
  std::map<std::string, std::weak_ptr<SharedMemory>> shared_;
};

}  // namespace viridian::sql
