#include "segment/cache_budget.h"

#include <fmt/format.h>

namespace viridian::segment {

void CacheBudget::Account::set(uint64_t bytes) {
  const std::lock_guard lock(budget_.mutex_);
  budget_.total_ += bytes - bytes_;
  bytes_ = bytes;
}

uint64_t CacheBudget::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

bool CacheBudget::try_reserve(Account& account, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (total_ - account.bytes_ > limit_ - bytes) return false;
  total_ += bytes - account.bytes_;
  account.bytes_ = bytes;
  return true;
}

Status CacheBudget::reserve(Account& account, uint64_t bytes) {
  if (bytes > limit_)
    return Error(Code::resource_exhausted,
                 fmt::format("the collection takes about {} bytes, and cache.bytes allows {} for "
                             "all of them: raise it, or ask a server that has more",
                             bytes, limit_));
  if (try_reserve(account, bytes)) return ok_status();
  if (evict_) evict_(bytes);
  if (try_reserve(account, bytes)) return ok_status();
  return Error(Code::resource_exhausted,
               fmt::format("the collection takes about {} bytes, and of the {} of cache.bytes {} "
                           "are taken by collections in use: try again, or raise it",
                           bytes, limit_, total()));
}

}  // namespace viridian::segment
