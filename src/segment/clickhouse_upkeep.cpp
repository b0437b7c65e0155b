#include <algorithm>
#include <exception>
#include <unordered_set>

#include "obs/log.h"
#include "segment/clickhouse_segment_manager.h"

// The background work of clickhouse::SegmentManager.

namespace viridian::clickhouse {
namespace {

constexpr std::chrono::seconds kPauseAfterFailure{10};
constexpr std::chrono::minutes kSweepEvery{60};
constexpr std::chrono::seconds kForgetEvery{10};
/// Closed collections that are looked at in one go.
constexpr size_t kClosedAtOnce = 20;
/// A follower that remembers more changes than this asks whether there are images of them.
constexpr uint64_t kManyChanges = 100'000;

}  // namespace

void SegmentManager::run() {
  while (!stopping()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, options_.look_every, [&] { return stopping(); });
    }
    environment().metrics.cache_bytes.set(static_cast<double>(environment().cache->total()));
    try {
      look();
      look_at_all();
      look_at_closed();
      forget_dropped();
      forget_unknown();
    } catch (const std::exception& thrown) {  // memory ran out
      obs::log(obs::Level::warn, "segment", "background work failed; it is tried again",
               {{"error", thrown.what()}});
    }
  }
}

bool SegmentManager::attempt(const char* what, const CollectionId& id, const Status& outcome) {
  if (outcome.ok()) return true;
  not_before_[id] = Clock::now() + kPauseAfterFailure;
  // Dropped, or another server's by now, or this one is going down.
  const Code code = outcome.error().code();
  if (code == Code::not_found || code == Code::aborted || stopping()) return false;
  obs::log(obs::Level::warn, "segment", "background work on a collection failed; it is tried again",
           {{"work", what}, {"collection", id.to_string()}, {"error", outcome.error().message()}});
  return false;
}

bool SegmentManager::due(const segment::Origin::Pending& pending) const {
  if (pending.records == 0) return false;
  return pending.bytes >= options_.compact_bytes || pending.records >= options_.compact_records ||
         Clock::now() - pending.since >= options_.compact_age;
}

void SegmentManager::look() {
  std::erase_if(not_before_, [](const auto& entry) { return entry.second <= Clock::now(); });
  for (const Shared& collection : pool().open_ones()) {
    if (stopping()) return;
    const CollectionId& id = collection->id();
    const segment::Origin::Pending pending = collection->origin()->pending();
    if (!due(pending) || not_before_.contains(id)) continue;
    if (!leases_.epoch(context_, id).ok()) {
      // Its holder makes the images. What has them need not be remembered here.
      attempt("look at images", id, compaction_.refresh(context_, *collection));
      if (pending.records < kManyChanges) not_before_[id] = Clock::now() + kPauseAfterFailure;
      continue;
    }
    Status compacted = compact_open(context_, *collection, false);
    if (!compacted.ok() && compacted.error().code() == Code::out_of_range)
      compacted = renew(context_, collection);
    attempt("compaction", id, compacted);
  }
}

void SegmentManager::look_at_all() {
  if (Clock::now() < next_round_) return;
  // In this order: a collection that is made meanwhile is not missed.
  const std::vector<Shared> open = pool().open_ones();
  const auto ids = sysdb_.all_collections(context_);
  next_round_ = Clock::now() + (ids.ok() ? options_.compact_age : kPauseAfterFailure);
  if (!ids.ok()) return;
  close_unknown(open, *ids);
  if (closed_.empty()) closed_ = *ids;
}

// What was written under an earlier process, or before a collection was dropped from the cache, is
// not to stay in the log until somebody asks for the collection.
void SegmentManager::look_at_closed() {
  for (size_t i = 0; i < kClosedAtOnce && !closed_.empty() && !stopping(); ++i) {
    const CollectionId id = closed_.back();
    closed_.pop_back();
    if (pool().peek(id) || not_before_.contains(id) || !leases_.epoch(context_, id).ok()) continue;
    attempt("compaction", id, compact_closed(id));
  }
}

// Who deletes a database tells the holders of its collections, but not one that cannot be reached.
void SegmentManager::close_unknown(const std::vector<Shared>& open,
                                   const std::vector<CollectionId>& known) {
  const std::unordered_set<CollectionId> ids(known.begin(), known.end());
  for (const Shared& collection : open)
    if (!ids.contains(collection->id())) pool().discard(collection);
}

Status SegmentManager::compact_closed(const CollectionId& id) {
  VIRIDIAN_TRY(const auto segments, sysdb_.list_segments(context_, id));
  VIRIDIAN_TRY(const segment::Base base, segment::base_of(segments));
  VIRIDIAN_TRY(const SeqId last, consumer_.last(context_, id));
  if (last <= base.sealed) return ok_status();
  Status compacted = compact(context_, id, false);
  pool().close(id);
  return compacted;
}

void SegmentManager::forget_dropped() {
  if (Clock::now() < next_forget_) return;
  next_forget_ = Clock::now() + kForgetEvery;
  std::vector<CollectionId> ids;
  {
    const std::lock_guard lock(mutex_);
    ids.swap(dropped_);
  }
  if (ids.empty()) return;
  const Status forgotten = Holdings::store->forget(context_, ids);
  if (forgotten.ok()) return;
  const std::lock_guard lock(mutex_);
  dropped_.insert(dropped_.end(), ids.begin(), ids.end());
  if (!stopping())
    obs::log(obs::Level::warn, "segment", "images of dropped collections stay for now",
             {{"error", forgotten.error().message()}});
}

// A server that ended too early, or did not know yet that a collection was dropped, leaves images
// behind. What is stored is looked at before what is known: a new collection cannot fall between.
void SegmentManager::forget_unknown() {
  if (Clock::now() < next_sweep_) return;
  next_sweep_ = Clock::now() + kSweepEvery;
  const auto stored = Holdings::store->collections(context_);
  if (!stored.ok()) return;
  const auto known = sysdb_.all_collections(context_);
  // A SysDb without any collection may be the wrong one, and removing is for good.
  if (!known.ok() || known->empty()) return;
  std::vector<CollectionId> unknown;
  for (const CollectionId& id : *stored) {
    if (stopping()) return;
    if (!leases_.epoch(context_, id).ok()) continue;  // its holder looks itself
    const auto found = sysdb_.get_collection(context_, id);
    if (!found.ok() && found.error().code() == Code::not_found) unknown.push_back(id);
  }
  const std::lock_guard lock(mutex_);
  dropped_.insert(dropped_.end(), unknown.begin(), unknown.end());
}

}  // namespace viridian::clickhouse
