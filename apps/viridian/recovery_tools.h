#pragma once
#include <algorithm>
#include <string>
#include <thread>

#include "component/thread_pool.h"
#include "config/keys.h"
#include "os/real_files.h"

namespace viridian::cli {

/// The exit status of check and repair where they could not do their work.
inline constexpr int kCouldNotCheck = 2;

/// What check and repair work with, without any of the database running.
class RecoveryTools {
 public:
  RecoveryTools(const std::string& path, const std::string& snapshots)
      : path_(path.empty() ? config::defaults().text("path") : path), snapshots_(snapshots) {
    while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
    // Without threads everything runs on this one.
    (void)pool_.start(Context());
  }
  ~RecoveryTools() { pool_.stop(); }
  RecoveryTools(const RecoveryTools&) = delete;
  RecoveryTools& operator=(const RecoveryTools&) = delete;

  const std::string& path() const noexcept { return path_; }
  const std::string& snapshots() const noexcept { return snapshots_; }
  os::Files& files() noexcept { return files_; }
  Executor& executor() noexcept { return pool_; }

 private:
  static constexpr size_t kQueue = 4096;
  std::string path_;
  const std::string snapshots_;
  os::RealFiles files_;
  ThreadPool pool_{std::max(1U, std::thread::hardware_concurrency()), kQueue};
};

}  // namespace viridian::cli
