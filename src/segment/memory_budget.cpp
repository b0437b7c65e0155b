#include "segment/memory_budget.h"

#include "segment/serial.h"

namespace viridian::segment {

void MemoryBudget::Account::set(uint64_t bytes) {
  bool less = false;
  {
    const std::lock_guard lock(budget_.mutex_);
    less = bytes < bytes_;
    if (bytes_ == 0 && bytes != 0) ++budget_.accounts_;
    if (bytes_ != 0 && bytes == 0) --budget_.accounts_;
    budget_.total_ += bytes - bytes_;
    bytes_ = bytes;
    if (less) ++budget_.changes_;
  }
  if (less) budget_.changed_.notify_all();
}

uint64_t MemoryBudget::Account::bytes() const {
  const std::lock_guard lock(budget_.mutex_);
  return bytes_;
}

bool MemoryBudget::Account::over_share() const {
  const std::lock_guard lock(budget_.mutex_);
  return bytes_ > budget_.share();
}

uint64_t MemoryBudget::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

bool MemoryBudget::over_limit() const {
  const std::lock_guard lock(mutex_);
  return total_ > limit_;
}

bool MemoryBudget::would_be_short(const Account& account, uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  return account.bytes_ + bytes > share() && total_ + bytes > limit_;
}

void MemoryBudget::wake() {
  {
    const std::lock_guard lock(mutex_);
    ++changes_;
  }
  changed_.notify_all();
}

bool MemoryBudget::has_room(const Account& account, uint64_t bytes) const {
  if (account.bytes_ <= share() || total_ <= limit_) return true;
  const uint64_t most = limit_ + limit_ / 4;
  return total_ <= most && bytes <= most - total_;
}

Status MemoryBudget::wait_for_room(const Context& context, const Account& account, uint64_t bytes,
                                   const std::function<Status()>& relieve) {
  std::unique_lock lock(mutex_);
  while (!has_room(account, bytes)) {
    const uint64_t seen = changes_;
    lock.unlock();
    VIRIDIAN_TRY_VOID(relieve());
    lock.lock();
    VIRIDIAN_TRY_VOID(wait_until(context, changed_, lock, [&] { return changes_ != seen; }));
  }
  return ok_status();
}

}  // namespace viridian::segment
