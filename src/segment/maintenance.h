#pragma once
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "segment/collection_pool.h"
#include "segment/throttles.h"

namespace viridian::segment {

/// The background work of all collections, on two threads of its own: one seals, closes and follows
/// another process's files; the other, of low priority, merges and purges, one collection at a
/// time. Thread-safe.
class Maintenance {
 public:
  Maintenance(const Environment& environment, CollectionPool& pool);
  ~Maintenance();
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  void start();
  /// Ends what is under way and returns once the threads are gone. Idempotent.
  void stop();

  /// Some collection is to be sealed, by its own state or by the memory that all of them take.
  void wake_sealer();
  /// The collection's files have changed, or it was opened: it may have to be merged.
  void look_at(const CollectionId& id);

 private:
  using Clock = CollectionSegments::Clock;
  using Shared = CollectionPool::Shared;

  void run_sealer();
  void seal_due();
  void relieve_memory();
  void seal_closed();
  void seal_forgotten();
  Status seal_forgotten(const CollectionId& id);
  Result<bool> has_more_files(const CollectionId& id, const std::vector<Segment>& segments) const;
  void settle();
  void follow_writer();
  bool seal(const Shared& collection);
  /// What heads took is the system's again, where it was a lot.
  void return_memory();

  void run_merger();
  void merge_due();
  void purge();
  /// Calls `work` and reports what went wrong; whether nothing did.
  template <class Work>
  bool attempt(const char* what, const CollectionId& id, Work&& work);
  bool stopping() const { return !context_.check().ok(); }

  const Environment& environment_;
  CollectionPool& pool_;
  RateThrottle throttle_;
  Context context_;  ///< cancelled by stop()

  // The sealer's alone.
  Clock::time_point started_;
  bool looked_for_forgotten_ = false;
  std::vector<CollectionId> forgotten_;  ///< that are still to be looked at
  Clock::time_point next_settle_, next_follow_, next_return_, next_closed_, next_forgotten_;
  double most_heads_bytes_ = 0;  ///< since memory was last returned

  std::mutex mutex_;
  std::condition_variable wake_sealer_, wake_merger_;
  bool sealer_woken_ = false;                             // guarded by mutex_, as the next
  std::map<CollectionId, Clock::time_point> to_look_at_;  ///< not before that time
  std::thread sealer_, merger_;
};

}  // namespace viridian::segment
