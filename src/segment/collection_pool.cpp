#include "segment/collection_pool.h"

#include <algorithm>
#include <exception>

namespace viridian::segment {
namespace {

/// A collection of up to this size opens again, and reads its records from the log again, within a
/// few milliseconds.
constexpr uint64_t kSmallBytes = uint64_t{1} << 20;
/// Loads at once, and that may wait for others.
constexpr size_t kLoads = 4;
constexpr size_t kWaitingLoads = 10'000;

}  // namespace

struct CollectionPool::Slot {
  std::mutex mutex;
  std::condition_variable changed;
  bool opening = false;  // guarded by mutex, as all but the last
  bool dropped = false;
  bool closed = false;
  bool reopening = false;
  bool close_soon = false;
  Shared collection;
  std::optional<Error> failed;

  std::atomic<uint64_t> last_use = 0;
};

CollectionPool::CollectionPool(const Environment& environment,
                               std::function<void(const CollectionId&)> opened)
    : environment_(environment), opened_(std::move(opened)) {
  environment_.cache->set_evict([this](uint64_t bytes) { evict(bytes); });
  if (environment_.cached()) loaders_ = std::make_unique<ThreadPool>(kLoads, kWaitingLoads);
}

CollectionPool::~CollectionPool() { stop(); }

Status CollectionPool::start() { return loaders_ ? loaders_->start(Context()) : ok_status(); }

void CollectionPool::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    loading_.cancel();
    stopping_ = true;
  }
  stop_.notify_all();
  if (loaders_) loaders_->stop();
}

CollectionPool::SharedSlot CollectionPool::slot(const CollectionId& id) {
  const std::lock_guard lock(mutex_);
  SharedSlot& slot = slots_[id];
  if (!slot) slot = std::make_shared<Slot>();
  return slot;
}

CollectionPool::SharedSlot CollectionPool::find(const CollectionId& id) {
  const std::lock_guard lock(mutex_);
  const auto found = slots_.find(id);
  return found == slots_.end() ? nullptr : found->second;
}

void CollectionPool::forget(const CollectionId& id, const SharedSlot& slot) {
  const std::lock_guard lock(mutex_);
  const auto found = slots_.find(id);
  if (found != slots_.end() && found->second == slot) slots_.erase(found);
}

Result<CollectionPool::Shared> CollectionPool::get(const Context& context, const CollectionId& id) {
  while (true) {
    const SharedSlot slot = this->slot(id);
    slot->last_use = ++uses_;
    std::unique_lock lock(slot->mutex);
    if (!slot->opening && !slot->collection && !slot->closed && !slot->failed) {
      slot->opening = true;
      lock.unlock();
      if (!open_elsewhere(id, slot)) return open(context, id, slot);
      lock.lock();
    }
    VIRIDIAN_TRY_VOID(wait_until(context, slot->changed, lock, [&] { return !slot->opening; }));
    if (slot->collection) return slot->collection;
    if (slot->closed) continue;  // it is about to leave the map
    if (slot->failed) {
      const Code code = slot->failed->code();
      // The opener ran out of its own time: that says nothing about the collection.
      if (code != Code::deadline_exceeded && code != Code::cancelled) return *slot->failed;
      if (!loading_.check().ok())
        return Error(Code::unavailable, "this server is stopping; ask another one");
    }
  }
}

bool CollectionPool::open_elsewhere(const CollectionId& id, const SharedSlot& slot) {
  return loaders_ && loaders_->submit([this, id, slot] { (void)open(loading_, id, slot); });
}

// A copy that is behind, or a compaction at the wrong moment: both pass.
Result<CollectionPool::Shared> CollectionPool::load(const Context& context,
                                                    const CollectionId& id) {
  constexpr uint32_t kTries = 5;
  constexpr std::chrono::milliseconds kFirstPause{20};
  for (uint32_t attempt = 0;; ++attempt) {
    VIRIDIAN_TRY_VOID(loading_.check());
    Result<Shared> opened = Error(Code::internal, "loading was interrupted");
    try {
      opened = CollectionSegments::open(context, environment_, id, attempt);
    } catch (const std::exception& thrown) {  // memory ran out: this collection fails alone
      opened = Error(Code::resource_exhausted, thrown.what());
    }
    if (opened.ok()) {
      environment_.metrics.loads.inc();
      environment_.metrics.loaded_records.inc((*opened)->origin()->base().rows);
    } else {
      environment_.metrics.failed_loads.inc();
    }
    const bool passes = !opened.ok() && (opened.error().code() == Code::unavailable ||
                                         opened.error().code() == Code::data_loss);
    if (!passes || attempt + 1 == kTries) return opened;
    std::unique_lock lock(mutex_);
    stop_.wait_for(lock, kFirstPause * (1 << (2 * attempt)), [&] { return stopping_; });
  }
}

Result<CollectionPool::Shared> CollectionPool::open_segments(const Context& context,
                                                             const CollectionId& id) {
  if (environment_.cached()) return load(context, id);
  constexpr int kTries = 5;
  for (int left = environment_.options.read_only ? kTries : 1;; --left) {
    auto opened = CollectionSegments::open(context, environment_, id);
    if (opened.ok() || left == 1 || opened.error().code() != Code::data_loss) return opened;
  }
}

Result<CollectionPool::Shared> CollectionPool::open(const Context& context, const CollectionId& id,
                                                    const SharedSlot& slot) {
  auto opened = open_segments(context, id);
  // A slot that failed leaves the map first, so that whoever waits finds a new one.
  if (!opened.ok()) forget(id, slot);
  if (opened.ok()) {
    const std::lock_guard lock(mutex_);
    if (const auto known = unsealed_.find(id); known != unsealed_.end()) {
      (*opened)->set_unsealed_since(known->second);
      unsealed_.erase(known);
    }
  }
  open_is_done(id, *slot, opened);
  if (opened.ok()) {
    ++opens_;
    opened_(id);
    keep_to_number();
  }
  return opened;
}

void CollectionPool::open_is_done(const CollectionId& id, Slot& slot, Result<Shared>& opened) {
  const std::lock_guard lock(slot.mutex);
  slot.opening = false;
  if (slot.dropped) {
    // Dropped while it was being opened. What stays is an orphan, removed at the next start.
    if (opened.ok()) {
      (void)(*opened)->drop();
    } else {
      if (environment_.writes_files())
        (void)environment_.files->remove_all(environment_.directory(id));
      opened = dropped_error();  // it missed its log, perhaps, or a file
    }
  } else if (opened.ok()) {
    slot.collection = *opened;
  }
  if (!opened.ok()) slot.failed = opened.error();
  slot.changed.notify_all();
}

CollectionPool::Shared CollectionPool::peek(const CollectionId& id) {
  const SharedSlot slot = find(id);
  if (!slot) return nullptr;
  const std::lock_guard lock(slot->mutex);
  return slot->collection;
}

std::vector<CollectionPool::Shared> CollectionPool::open_ones() {
  std::vector<SharedSlot> slots;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, slot] : slots_) slots.push_back(slot);
  }
  std::vector<Shared> open;
  for (const SharedSlot& slot : slots) {
    const std::lock_guard lock(slot->mutex);
    if (slot->collection) open.push_back(slot->collection);
  }
  return open;
}

Status CollectionPool::drop(const CollectionId& id) {
  SharedSlot slot;
  {
    const std::lock_guard lock(mutex_);
    unsealed_.erase(id);
    if (const auto found = slots_.find(id); found != slots_.end()) {
      slot = found->second;
      slots_.erase(found);
    }
  }
  Shared dropped;  // goes last, without the lock
  if (slot) {
    const std::lock_guard lock(slot->mutex);
    slot->dropped = true;
    dropped = std::exchange(slot->collection, nullptr);
    if (slot->opening) return ok_status();  // whoever opens it does the rest
    slot->closed = true;
  }
  if (dropped) return dropped->drop();
  return environment_.writes_files() ? environment_.files->remove_all(environment_.directory(id))
                                     : ok_status();
}

bool CollectionPool::close_if_idle(const CollectionId& id, const SharedSlot& slot) {
  Shared closing;  // goes last, without the lock
  {
    const std::lock_guard lock(slot->mutex);
    if (slot->opening || slot->reopening || !slot->collection) return false;
    // Nobody can get hold of it without the slot's mutex.
    if (slot->collection.use_count() != 1 || !slot->collection->idle()) return false;
    slot->closed = true;
    closing = std::exchange(slot->collection, nullptr);
  }
  environment_.consumer.forget_reader(id);  // while nobody can open it: the next one is another
  const auto since = closing->unsealed_since();
  const std::lock_guard lock(mutex_);
  if (const auto found = slots_.find(id); found != slots_.end() && found->second == slot) {
    slots_.erase(found);
    if (since && !environment_.cached()) unsealed_[id] = *since;
  }
  return true;
}

void CollectionPool::close(const CollectionId& id) {
  // Segments that are only in memory would not come back.
  if (environment_.files == nullptr) return;
  const SharedSlot slot = find(id);
  if (!slot || close_if_idle(id, slot)) return;
  const std::lock_guard lock(slot->mutex);
  slot->close_soon = slot->collection != nullptr;
}

void CollectionPool::close_unused() {
  if (environment_.files == nullptr) return;
  opens_ = 0;
  std::vector<std::pair<CollectionId, SharedSlot>> closing;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, slot] : slots_) {
      const std::lock_guard slot_lock(slot->mutex);
      if (slot->close_soon) closing.emplace_back(id, slot);
    }
  }
  for (const auto& [id, slot] : closing) close_if_idle(id, slot);
  keep_to_number();
  keep_small_to_memory();
  if (environment_.cached()) evict(0);
}

struct CollectionPool::Candidate {
  uint64_t last_use;
  CollectionId id;
  SharedSlot slot;
};

std::vector<CollectionPool::Candidate> CollectionPool::by_use() {
  std::vector<Candidate> candidates;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, slot] : slots_) candidates.push_back({slot->last_use, id, slot});
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.last_use < b.last_use; });
  return candidates;
}

void CollectionPool::keep_to_number() {
  const uint64_t most = environment_.options.max_open;
  if (environment_.files == nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    if (slots_.size() <= most) return;
  }
  const std::vector<Candidate> candidates = by_use();
  // A few more than need be, so that not every opening looks at all of them.
  size_t surplus = candidates.size() <= most ? 0 : candidates.size() - most + most / 64;
  for (const Candidate& candidate : candidates) {
    if (surplus == 0) return;
    if (close_if_idle(candidate.id, candidate.slot)) --surplus;
  }
}

void CollectionPool::keep_small_to_memory() {
  const uint64_t most = environment_.options.small_bytes;
  const std::vector<Candidate> candidates = by_use();
  std::vector<uint64_t> sizes;
  uint64_t total = 0;
  for (const Candidate& candidate : candidates) {
    const std::lock_guard lock(candidate.slot->mutex);
    uint64_t bytes = 0;
    if (candidate.slot->collection) {
      const SegmentStats stats = candidate.slot->collection->stats();
      bytes = stats.head_bytes + stats.file_bytes;
    }
    sizes.push_back(bytes <= kSmallBytes ? bytes : 0);
    total += sizes.back();
  }
  if (total <= most) return;
  for (size_t i = 0; i < candidates.size() && total > most - most / 4; ++i)
    if (sizes[i] != 0 && close_if_idle(candidates[i].id, candidates[i].slot)) total -= sizes[i];
}

std::vector<CollectionId> CollectionPool::unsealed_since(Clock::time_point time) {
  std::vector<CollectionId> ids;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, since] : unsealed_)
    if (since <= time) ids.push_back(id);
  return ids;
}

void CollectionPool::discard(const Shared& old) {
  const SharedSlot slot = find(old->id());
  if (!slot) return;
  Shared discarded;  // goes last, without the lock
  {
    const std::lock_guard lock(slot->mutex);
    if (slot->collection != old) return;
    slot->closed = true;
    discarded = std::exchange(slot->collection, nullptr);
    discarded->set_discarded();
  }
  environment_.consumer.forget_reader(old->id());  // as above
  forget(old->id(), slot);
}

void CollectionPool::evict(uint64_t bytes) {
  const CacheBudget& cache = *environment_.cache;
  const uint64_t most = cache.limit() - std::min(cache.limit(), bytes);
  if (cache.total() <= most) return;
  for (const Candidate& candidate : by_use()) {
    if (close_if_idle(candidate.id, candidate.slot) && cache.total() <= most) return;
  }
}

Status CollectionPool::reopen(const Context& context, const Shared& old) {
  const SharedSlot slot = find(old->id());
  if (!slot) return ok_status();
  {
    std::unique_lock lock(slot->mutex);
    VIRIDIAN_TRY_VOID(wait_until(context, slot->changed, lock, [&] { return !slot->reopening; }));
    if (slot->collection != old) return ok_status();
    slot->reopening = true;
  }
  // What the log has against this reader is that records it has may not count.
  old->set_discarded();
  environment_.consumer.forget_reader(old->id());
  auto opened = open_segments(context, old->id());
  // Readers of the old one must not be taken back in time.
  if (opened.ok())
    if (const Status caught_up = (*opened)->catch_up(context, old->applied()); !caught_up.ok())
      opened = caught_up.error();
  Shared replaced;  // goes last, without the lock
  const std::lock_guard lock(slot->mutex);
  slot->reopening = false;
  if (opened.ok() && slot->collection == old) replaced = std::exchange(slot->collection, *opened);
  slot->changed.notify_all();
  if (!opened.ok()) return opened.error();
  return ok_status();
}

}  // namespace viridian::segment
