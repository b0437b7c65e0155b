#pragma once
#include <memory>
#include <string>

#include "os/files.h"

namespace viridian::segment {

/// A directory of this process's own, below one that several share; removed with it. What processes
/// that are no more left behind there is removed at the same time.
class CacheDirectory {
 public:
  /// Makes `path`, which is in `shared` and named like a UUID, and takes it.
  static Result<std::unique_ptr<CacheDirectory>> create(os::Files& files, const std::string& shared,
                                                        const std::string& path);
  /// For create() only.
  CacheDirectory(os::Files& files, std::string path, std::unique_ptr<os::Lock> lock)
      : files_(files), path_(std::move(path)), lock_(std::move(lock)) {}
  ~CacheDirectory();
  CacheDirectory(const CacheDirectory&) = delete;
  CacheDirectory& operator=(const CacheDirectory&) = delete;

 private:
  os::Files& files_;
  const std::string path_;
  std::unique_ptr<os::Lock> lock_;
};

}  // namespace viridian::segment
