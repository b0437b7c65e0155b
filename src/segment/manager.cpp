#include "segment/manager.h"

#include <algorithm>
#include <exception>

#include "obs/log.h"

namespace viridian::segment {

struct Manager::Slot {
  std::mutex mutex;
  std::condition_variable changed;
  bool opening = false;  // guarded by mutex, as the next three
  bool dropped = false;
  std::shared_ptr<CollectionSegments> collection;
  std::optional<Error> failed;

  std::atomic<SeqId> hinted = 0;
  std::atomic<bool> in_background = false;
};

Manager::Manager(Environment environment, std::string metadata_type, std::string vector_type)
    : environment_(std::move(environment)),
      metadata_type_(std::move(metadata_type)),
      vector_type_(std::move(vector_type)) {}

Manager::~Manager() { stop(); }

void Manager::stop() noexcept {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  idle_.wait(lock, [this] { return background_ == 0; });
}

std::vector<Segment> Manager::plan(const CollectionId& id) const {
  return {{Uuid::random(), id, SegmentScope::metadata, metadata_type_, 0, {}},
          {Uuid::random(), id, SegmentScope::vector, vector_type_, 0, {}}};
}

std::shared_ptr<Manager::Slot> Manager::slot(const CollectionId& id) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<Slot>& slot = slots_[id];
  if (!slot) slot = std::make_shared<Slot>();
  return slot;
}

void Manager::forget(const CollectionId& id, const std::shared_ptr<Slot>& slot) {
  std::lock_guard lock(mutex_);
  const auto found = slots_.find(id);
  if (found != slots_.end() && found->second == slot) slots_.erase(found);
}

Result<std::shared_ptr<CollectionSegments>> Manager::collection(const Context& context,
                                                                const CollectionId& id) {
  while (true) {
    const std::shared_ptr<Slot> slot = this->slot(id);
    std::unique_lock lock(slot->mutex);
    VIRIDIAN_TRY_VOID(wait_until(context, slot->changed, lock, [&] { return !slot->opening; }));
    if (slot->collection) return slot->collection;
    if (slot->failed) {
      const Code code = slot->failed->code();
      // The opener ran out of its own time: that says nothing about the collection.
      if (code == Code::deadline_exceeded || code == Code::cancelled) continue;
      return *slot->failed;
    }
    slot->opening = true;
    lock.unlock();
    return open(context, id, slot);
  }
}

Result<std::shared_ptr<CollectionSegments>> Manager::open(const Context& context,
                                                          const CollectionId& id,
                                                          const std::shared_ptr<Slot>& slot) {
  auto opened = CollectionSegments::open(context, environment_, id);
  // A slot that failed leaves the map first, so that whoever waits finds a new one.
  if (!opened.ok()) forget(id, slot);
  std::lock_guard lock(slot->mutex);
  slot->opening = false;
  if (opened.ok() && !slot->dropped) slot->collection = *opened;
  if (!opened.ok()) slot->failed = opened.error();
  // Dropped while it was being opened: its files go as soon as nobody has them open.
  if (slot->dropped && opened.ok()) (*opened)->drop();
  if (slot->dropped && !opened.ok())
    DirectoryGuard(environment_.files, environment_.directory(id)).remove_at_end();
  slot->changed.notify_all();
  return opened;
}

Result<std::shared_ptr<const ReadView>> Manager::pin(const Context& context, const CollectionId& id,
                                                     SeqId min_seq) {
  VIRIDIAN_TRY(const auto segments, collection(context, id));
  return segments->pin(context, min_seq);
}

Status Manager::hint(const Context& context, const CollectionId& id, SeqId durable) {
  const std::shared_ptr<Slot> slot = this->slot(id);
  SeqId known = slot->hinted.load();
  while (known < durable && !slot->hinted.compare_exchange_weak(known, durable)) {
  }
  if (!slot->in_background.exchange(true)) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return ok_status();
      ++background_;
    }
    const bool taken =
        environment_.executor.submit([this, id, slot] { work_in_background(id, *slot); });
    if (!taken) {
      // The next hint tries again, and whoever reads applies what is missing.
      slot->in_background = false;
      std::lock_guard lock(mutex_);
      --background_;
      idle_.notify_all();
    }
  }
  std::shared_ptr<CollectionSegments> segments;
  {
    std::lock_guard lock(slot->mutex);
    segments = slot->collection;
  }
  if (segments && segments->behind(durable)) return segments->catch_up(context, durable);
  return ok_status();
}

bool Manager::catch_up_and_seal(const Context& context, const CollectionId& id, SeqId hinted) {
  bool caught_up = false;
  const auto work = [&]() -> Status {
    VIRIDIAN_TRY(const auto segments, collection(context, id));
    VIRIDIAN_TRY_VOID(segments->catch_up(context, hinted));
    caught_up = true;
    return segments->seal_is_due() ? segments->seal(context) : ok_status();
  };
  Status outcome;
  try {
    outcome = work();
  } catch (const std::exception& thrown) {  // memory ran out: this collection waits, others go on
    outcome = Error(Code::internal, thrown.what());
  }
  if (!outcome.ok() && outcome.error().code() != Code::not_found)
    obs::log(obs::Level::warn, "segment", "background work on a collection failed",
             {{"collection", id.to_string()}, {"error", outcome.error().message()}});
  return caught_up;
}

void Manager::work_in_background(const CollectionId& id, Slot& slot) {
  const Context context;
  bool again = true;
  while (again) {
    const SeqId hinted = slot.hinted;
    const bool caught_up = catch_up_and_seal(context, id, hinted);
    slot.in_background = false;
    // A hint that came while this was at work submitted nothing: its records are this task's.
    again = caught_up && slot.hinted > hinted && !slot.in_background.exchange(true);
  }
  std::lock_guard lock(mutex_);
  --background_;
  idle_.notify_all();
}

Status Manager::seal(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const auto segments, collection(context, id));
  VIRIDIAN_TRY(const SeqId last, environment_.consumer.last(context, id));
  VIRIDIAN_TRY_VOID(segments->catch_up(context, last));
  return segments->seal(context);
}

Result<SegmentStats> Manager::stats(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const auto segments, collection(context, id));
  return segments->stats();
}

Status Manager::drop(const Context&, const CollectionId& id) {
  std::shared_ptr<Slot> slot;
  {
    std::lock_guard lock(mutex_);
    const auto found = slots_.find(id);
    if (found != slots_.end()) {
      slot = found->second;
      slots_.erase(found);
    }
  }
  if (!slot) {
    // Never opened here, so nobody has a file of it open.
    if (environment_.files == nullptr) return ok_status();
    return environment_.files->remove_all(environment_.directory(id));
  }
  std::lock_guard lock(slot->mutex);
  slot->dropped = true;
  if (slot->collection)
    slot->collection->drop();
  else if (!slot->opening)
    DirectoryGuard(environment_.files, environment_.directory(id)).remove_at_end();
  slot->collection.reset();
  return ok_status();
}

}  // namespace viridian::segment
