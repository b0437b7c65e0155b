#include "segment/cache_directory.h"

#include "obs/log.h"
#include "viridian/base/uuid.h"

namespace viridian::segment {
namespace {

constexpr const char* kLock = "LOCK";
constexpr const char* kHolder = "a cache of collections";

/// What nobody holds any more. Only what has our names is ever touched.
void remove_left_behind(os::Files& files, const std::string& shared) {
  const auto names = files.list(shared);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!Uuid::parse_canonical(name)) continue;
    const std::string path = os::join(shared, name);
    const auto lock = files.lock(os::join(path, kLock), kHolder);
    if (!lock.ok()) continue;  // its process lives
    if (const Status removed = files.remove_all(path); !removed.ok())
      obs::log(obs::Level::warn, "segment", "what an earlier process cached cannot be removed",
               {{"error", removed.error().message()}});
  }
}

}  // namespace

Result<std::unique_ptr<CacheDirectory>> CacheDirectory::create(os::Files& files,
                                                               const std::string& shared,
                                                               const std::string& path) {
  VIRIDIAN_TRY_VOID(files.make_directories(shared));
  remove_left_behind(files, shared);
  // Another process that starts at this moment may take it, without its lock yet, for left behind.
  constexpr int kTries = 5;
  for (int left = kTries;; --left) {
    VIRIDIAN_TRY_VOID(files.make_directories(path));
    auto lock = files.lock(os::join(path, kLock), kHolder);
    if (lock.ok()) return std::make_unique<CacheDirectory>(files, path, *std::move(lock));
    if (left == 1) return lock.error();
  }
}

CacheDirectory::~CacheDirectory() {
  if (const Status removed = files_.remove_all(path_); !removed.ok())
    obs::log(obs::Level::warn, "segment", "the cache's directory cannot be removed",
             {{"error", removed.error().message()}});
}

}  // namespace viridian::segment
