#include "segment/maintenance.h"

#include <algorithm>
#include <exception>

#include "obs/log.h"
#include "os/free_memory.h"
#include "os/thread_priority.h"
#include "segment/wall_clock.h"

namespace viridian::segment {
namespace {

constexpr std::chrono::seconds kPauseAfterFailure{60};
constexpr std::chrono::minutes kPurgeAtLeastEvery{1};

}  // namespace

Maintenance::Maintenance(const Environment& environment, CollectionPool& pool)
    : environment_(environment),
      pool_(pool),
      throttle_(std::max<uint64_t>(1, environment.options.merge_bytes_per_second)) {}

Maintenance::~Maintenance() { stop(); }

void Maintenance::start() {
  if (environment_.files == nullptr) return;
  started_ = Clock::now();
  // Not behind others: seals give back the memory that writers may be waiting for.
  sealer_ = std::thread([this] { run_sealer(); });
  if (!environment_.writes_files()) return;
  merger_ = std::thread([this] {
    os::lower_thread_priority();
    run_merger();
  });
}

void Maintenance::stop() {
  {
    const std::lock_guard lock(mutex_);
    context_.cancel();
  }
  wake_sealer_.notify_all();
  wake_merger_.notify_all();
  if (sealer_.joinable()) sealer_.join();
  if (merger_.joinable()) merger_.join();
}

void Maintenance::wake_sealer() {
  {
    const std::lock_guard lock(mutex_);
    if (sealer_woken_) return;
    sealer_woken_ = true;
  }
  wake_sealer_.notify_one();
}

void Maintenance::look_at(const CollectionId& id) {
  if (environment_.options.merge_bytes_per_second == 0 || !environment_.writes_files()) return;
  {
    const std::lock_guard lock(mutex_);
    to_look_at_.try_emplace(id, Clock::now());
  }
  wake_merger_.notify_one();
}

template <class Work>
bool Maintenance::attempt(const char* what, const CollectionId& id, Work&& work) {
  Status outcome;
  try {
    outcome = work();
  } catch (const std::exception& thrown) {  // memory ran out: this collection waits, others go on
    outcome = Error(Code::internal, thrown.what());
  }
  if (outcome.ok()) return true;
  // Dropped in the meantime, or the process is going down.
  if (outcome.error().code() == Code::not_found || stopping()) return false;
  obs::log(obs::Level::warn, "segment", "background work on a collection failed; it is tried again",
           {{"work", what}, {"collection", id.to_string()}, {"error", outcome.error().message()}});
  return false;
}

void Maintenance::run_sealer() {
  while (!stopping()) {
    {
      std::unique_lock lock(mutex_);
      wake_sealer_.wait_for(lock, environment_.options.look_every,
                            [this] { return sealer_woken_ || stopping(); });
      sealer_woken_ = false;
    }
    if (stopping()) return;
    if (environment_.options.read_only) {
      follow_writer();
    } else {
      seal_due();
      relieve_memory();
      if (!environment_.cached()) {
        seal_closed();
        seal_forgotten();
      }
      settle();
    }
    pool_.close_unused();
    return_memory();
  }
}

// The allocator keeps what lies between pieces still in use, which can be more than all of them.
void Maintenance::return_memory() {
  constexpr double kWorthwhile = 8 << 20;
  const double bytes = environment_.metrics.heads_bytes.value();
  most_heads_bytes_ = std::max(most_heads_bytes_, bytes);
  if (most_heads_bytes_ - bytes < kWorthwhile || Clock::now() < next_return_) return;
  next_return_ = Clock::now() + std::chrono::seconds(1);
  most_heads_bytes_ = bytes;
  os::return_free_memory();
}

bool Maintenance::seal(const Shared& collection) {
  const bool sealed = attempt("seal", collection->id(), [&] { return collection->seal(context_); });
  if (sealed) look_at(collection->id());
  return sealed;
}

void Maintenance::seal_due() {
  for (const Shared& collection : pool_.open_ones()) {
    if (stopping()) return;
    if (collection->seal_is_due()) seal(collection);
  }
}

void Maintenance::relieve_memory() {
  while (!stopping() && environment_.budget->over_limit()) {
    Shared largest;
    for (const Shared& collection : pool_.open_ones()) {
      if (!collection->memory().over_share() || !collection->may_relieve_memory()) continue;
      if (!largest || collection->memory().bytes() > largest->memory().bytes())
        largest = collection;
    }
    if (!largest) return;
    seal(largest);
  }
}

void Maintenance::seal_closed() {
  if (Clock::now() < next_closed_) return;
  for (const CollectionId& id :
       pool_.unsealed_since(Clock::now() - environment_.options.seal_age)) {
    if (stopping()) return;
    const bool sealed = attempt("seal", id, [&]() -> Status {
      VIRIDIAN_TRY(const Shared collection, pool_.get(context_, id));
      VIRIDIAN_TRY(const SeqId last, environment_.consumer.last(context_, id));
      VIRIDIAN_TRY_VOID(collection->catch_up(context_, last));
      return collection->seal(context_);
    });
    // Opening it and applying its log again each time would be much work for nothing.
    if (!sealed) next_closed_ = Clock::now() + kPauseAfterFailure;
    pool_.close(id);
  }
}

// What an earlier process left in logs and directories is not to stay there until somebody asks for
// the collection.
void Maintenance::seal_forgotten() {
  if (Clock::now() - started_ < environment_.options.seal_age || Clock::now() < next_forgotten_)
    return;
  if (!looked_for_forgotten_) {
    const auto ids = environment_.registry->all_collections(context_);
    if (!ids.ok()) return;
    looked_for_forgotten_ = true;
    forgotten_ = *ids;
  }
  std::vector<CollectionId> failed;
  for (const CollectionId& id : forgotten_) {
    if (stopping()) return;
    if (pool_.peek(id)) continue;  // seal_due() and settle() see to it
    const bool done = attempt("seal", id, [&]() -> Status {
      Status sealed = seal_forgotten(id);
      if (!sealed.ok() && sealed.error().code() == Code::not_found) return ok_status();  // dropped
      return sealed;
    });
    if (!done) failed.push_back(id);
    pool_.close(id);
  }
  forgotten_ = std::move(failed);
  next_forgotten_ = Clock::now() + kPauseAfterFailure;
}

Status Maintenance::seal_forgotten(const CollectionId& id) {
  VIRIDIAN_TRY(const auto segments, environment_.registry->list_segments(context_, id));
  VIRIDIAN_TRY(const SeqId last, environment_.consumer.last(context_, id));
  if (segments.empty()) return ok_status();
  // Trimming and removing may be all that was left to do. Opening it removes.
  const SeqId sealed = segments.front().sealed;
  VIRIDIAN_TRY(const bool littered, has_more_files(id, segments));
  if (last <= sealed && !littered) return environment_.consumer.trim(context_, id, sealed);
  VIRIDIAN_TRY(const Shared collection, pool_.get(context_, id));
  VIRIDIAN_TRY_VOID(collection->catch_up(context_, last));
  return collection->seal(context_);
}

/// Whether more files are there than those that the SysDb names.
Result<bool> Maintenance::has_more_files(const CollectionId& id,
                                         const std::vector<Segment>& segments) const {
  const std::string directory = environment_.directory(id);
  VIRIDIAN_TRY(const bool exists, environment_.files->exists(directory));
  if (!exists) return false;
  VIRIDIAN_TRY(const auto names, environment_.files->list(directory));
  size_t named = 0;
  for (const Segment& segment : segments) named += segment.files.size();
  return names.size() > named;
}

void Maintenance::settle() {
  if (Clock::now() < next_settle_) return;
  next_settle_ = Clock::now() + environment_.options.look_every;
  for (const Shared& collection : pool_.open_ones()) {
    if (stopping()) return;
    attempt("removal", collection->id(), [&] { return collection->settle(context_); });
  }
}

void Maintenance::follow_writer() {
  if (Clock::now() < next_follow_) return;
  next_follow_ = Clock::now() + environment_.options.look_every;
  for (const Shared& collection : pool_.open_ones()) {
    if (stopping()) return;
    attempt("reopening", collection->id(), [&]() -> Status {
      VIRIDIAN_TRY(const bool superseded, collection->superseded(context_));
      return superseded ? pool_.reopen(context_, collection) : ok_status();
    });
  }
}

void Maintenance::run_merger() {
  const std::chrono::milliseconds purge_every = std::max<std::chrono::milliseconds>(
      environment_.options.look_every,
      std::min<std::chrono::milliseconds>(environment_.options.purge_age / 10, kPurgeAtLeastEvery));
  Clock::time_point next_purge = Clock::now() + purge_every;
  while (!stopping()) {
    {
      std::unique_lock lock(mutex_);
      const auto due = [&] {
        return std::any_of(to_look_at_.begin(), to_look_at_.end(),
                           [](const auto& entry) { return entry.second <= Clock::now(); });
      };
      wake_merger_.wait_for(lock, environment_.options.look_every,
                            [&] { return stopping() || due(); });
    }
    merge_due();
    if (stopping() || Clock::now() < next_purge) continue;
    if (environment_.options.merge_bytes_per_second != 0) purge();
    next_purge = Clock::now() + purge_every;
  }
}

void Maintenance::merge_due() {
  std::map<CollectionId, Clock::time_point> todo;
  {
    const std::lock_guard lock(mutex_);
    todo.swap(to_look_at_);
  }
  for (const auto& [id, not_before] : todo) {
    if (stopping()) return;
    Clock::time_point again = not_before;
    bool keep = true;
    if (not_before <= Clock::now()) {
      keep = false;
      const Shared collection = pool_.peek(id);
      if (!collection) continue;
      const bool worked = attempt("merge", id, [&]() -> Status {
        // One merge each in turn, so that a large collection does not keep out the others.
        VIRIDIAN_TRY(keep, collection->merge_if_due(context_, throttle_));
        return ok_status();
      });
      if (!worked) {
        keep = true;
        again = Clock::now() + kPauseAfterFailure;
      }
    }
    if (!keep) continue;
    const std::lock_guard lock(mutex_);
    to_look_at_.try_emplace(id, again);
  }
}

void Maintenance::purge() {
  const int64_t before = seconds_since_1970() - environment_.options.purge_age.count();
  const auto ids = environment_.registry->collections_with_garbage(context_, before);
  if (!ids.ok()) {
    obs::log(obs::Level::warn, "segment", "the SysDb cannot say where garbage is",
             {{"error", ids.error().message()}});
    return;
  }
  for (const CollectionId& id : *ids) {
    if (stopping()) return;
    const bool was_open = pool_.peek(id) != nullptr;
    attempt("purge", id, [&]() -> Status {
      VIRIDIAN_TRY(const Shared collection, pool_.get(context_, id));
      return collection->purge(context_, throttle_);
    });
    if (!was_open) pool_.close(id);
  }
}

}  // namespace viridian::segment
