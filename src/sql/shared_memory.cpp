#include "sql/shared_memory.h"

#include <sqlite3.h>

namespace viridian::sql {

static_assert(SharedMemory::kLocks == SQLITE_SHM_NLOCK);

int SharedMemory::lock(Holder& holder, int level) {
  const std::lock_guard guard(mutex_);
  if (holder.level >= level) return SQLITE_OK;
  if (writer_ != nullptr && writer_ != &holder) {
    // A writer that waits for the readers to go lets no new one in.
    if (level > SQLITE_LOCK_SHARED || writer_->level >= SQLITE_LOCK_PENDING) return SQLITE_BUSY;
  }
  if (holder.level == SQLITE_LOCK_NONE) ++readers_;
  if (level == SQLITE_LOCK_EXCLUSIVE && readers_ > 1) {
    writer_ = &holder;
    holder.level = SQLITE_LOCK_PENDING;
    return SQLITE_BUSY;
  }
  if (level > SQLITE_LOCK_SHARED) writer_ = &holder;
  holder.level = level;
  return SQLITE_OK;
}

void SharedMemory::unlock(Holder& holder, int level) {
  const std::lock_guard guard(mutex_);
  if (holder.level <= level) return;
  if (writer_ == &holder) writer_ = nullptr;
  if (level == SQLITE_LOCK_NONE) --readers_;
  holder.level = level;
}

bool SharedMemory::reserved() const {
  const std::lock_guard guard(mutex_);
  return writer_ != nullptr;
}

volatile void* SharedMemory::region(Holder& holder, size_t number, size_t bytes, bool extend) {
  const std::lock_guard guard(mutex_);
  if (!holder.uses_index) ++index_users_;
  holder.uses_index = true;
  if (number >= regions_.size() && !extend) return nullptr;
  while (regions_.size() <= number) regions_.emplace_back((bytes + 7) / 8);
  return regions_[number].data();
}

int SharedMemory::lock_index(Holder& holder, int first, int count, int flags) {
  const std::lock_guard guard(mutex_);
  const uint32_t mask = ((uint32_t{1} << count) - 1) << first;
  const auto for_each = [&](const auto& body) {
    for (int i = first; i < first + count; ++i) body(static_cast<size_t>(i), uint32_t{1} << i);
  };
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for_each([&](size_t i, uint32_t bit) { shared_[i] -= (holder.shared & bit) != 0 ? 1 : 0; });
    exclusive_ &= ~(holder.exclusive & mask);
    holder.shared &= ~mask;
    holder.exclusive &= ~mask;
    return SQLITE_OK;
  }
  if ((exclusive_ & ~holder.exclusive & mask) != 0) return SQLITE_BUSY;
  if ((flags & SQLITE_SHM_SHARED) != 0) {
    for_each([&](size_t i, uint32_t bit) { shared_[i] += (holder.shared & bit) == 0 ? 1 : 0; });
    holder.shared |= mask;
    return SQLITE_OK;
  }
  bool others = false;
  for_each([&](size_t i, uint32_t bit) {
    others = others || shared_[i] > ((holder.shared & bit) != 0 ? 1 : 0);
  });
  if (others) return SQLITE_BUSY;
  exclusive_ |= mask;
  holder.exclusive |= mask;
  return SQLITE_OK;
}

void SharedMemory::leave_index(Holder& holder) {
  lock_index(holder, 0, kLocks, SQLITE_SHM_UNLOCK);
  const std::lock_guard guard(mutex_);
  if (!holder.uses_index) return;
  holder.uses_index = false;
  if (--index_users_ == 0) regions_.clear();
}

void SharedMemory::barrier() const {
  // Of any two barriers one comes first, and who comes second sees what was written before it.
  const std::lock_guard guard(mutex_);
}

}  // namespace viridian::sql
