#include "engine/gates.h"

#include <utility>

namespace viridian::engine {

bool Gate::fits(Access access) const {
  if (dropping_) return false;
  switch (access) {
    case Access::read:
      return drops_waiting_ == 0;
    case Access::write:
      return !altering_;
    case Access::alter:
      return !altering_ && writers_ == 0;
    case Access::drop:
      return !altering_ && writers_ == 0 && readers_ == 0;
  }
  return false;
}

Status Gate::enter(const Context& context, Access access) {
  std::unique_lock lock(mutex_);
  const bool queues = access != Access::read;
  if (!fits(access) || (queues && !waiting_.empty())) {
    const uint64_t ticket = next_ticket_++;
    if (queues) waiting_.insert(ticket);
    drops_waiting_ += access == Access::drop;
    const auto admitted = [&] { return fits(access) && (!queues || *waiting_.begin() == ticket); };
    bool in = true;
    if (!context.deadline())
      changed_.wait(lock, admitted);
    else
      in = changed_.wait_until(lock, *context.deadline(), admitted);
    drops_waiting_ -= access == Access::drop;
    // Whoever is next in the queue may fit in beside this one, or without it.
    if (queues && waiting_.erase(ticket) != 0) changed_.notify_all();
    if (!in) {
      return Error(Code::deadline_exceeded,
                   "other changes to this collection took until the deadline: try again");
    }
  }
  switch (access) {
    case Access::read:
      ++readers_;
      break;
    case Access::write:
      ++writers_;
      break;
    case Access::alter:
      altering_ = true;
      break;
    case Access::drop:
      dropping_ = true;
      break;
  }
  return ok_status();
}

void Gate::leave(Access access) noexcept {
  const std::lock_guard lock(mutex_);
  switch (access) {
    case Access::read:
      --readers_;
      break;
    case Access::write:
      --writers_;
      break;
    case Access::alter:
      altering_ = false;
      break;
    case Access::drop:
      dropping_ = false;
      break;
  }
  changed_.notify_all();
}

Gates::Entry& Gates::hold(const CollectionId& collection) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[collection];
  ++entry.users;
  return entry;
}

void Gates::release(const CollectionId& collection) noexcept {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(collection);
  if (--at->second.users == 0) entries_.erase(at);
}

Result<Gates::Pass> Gates::enter(const Context& context, const CollectionId& collection,
                                 Access access) {
  VIRIDIAN_TRY_VOID(context.check());
  Entry& entry = hold(collection);
  if (auto entered = entry.gate.enter(context, access); !entered.ok()) {
    release(collection);
    return std::move(entered).error();
  }
  return Pass(*this, entry.gate, collection, access);
}

size_t Gates::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

Gates::Pass::~Pass() {
  if (gates_ == nullptr) return;
  gate_->leave(access_);
  gates_->release(collection_);
}

}  // namespace viridian::engine
