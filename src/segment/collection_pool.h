#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "component/thread_pool.h"
#include "segment/collection_segments.h"

namespace viridian::segment {

/// The open collections. One opens when it is first asked for, once however many ask. Beyond the
/// limits those are closed that were used least recently and that nobody is using: there is one for
/// their number, and one for the memory of small ones, which open again in no time. Thread-safe.
class CollectionPool {
 public:
  using Shared = std::shared_ptr<CollectionSegments>;
  using Clock = CollectionSegments::Clock;

  /// `opened` is called after each opening, from the thread that opened.
  CollectionPool(const Environment& environment, std::function<void(const CollectionId&)> opened);
  ~CollectionPool();
  /// Of caches: makes the threads that load. Without them callers load themselves.
  Status start();
  /// Ends loads that are under way. Idempotent.
  void stop() noexcept;

  /// Opens it if need be. Errors: see CollectionSegments::open.
  Result<Shared> get(const Context&, const CollectionId&);
  /// Null where it is not open. That somebody peeked is no use of it.
  Shared peek(const CollectionId&);
  std::vector<Shared> open_ones();
  /// As SegmentManager::drop.
  Status drop(const CollectionId&);
  /// Closes it once nobody is using it: now, or when close_unused() finds it so.
  void close(const CollectionId&);
  void close_unused();
  /// Whether so many were opened that close_unused() should look.
  bool close_unused_is_due() const noexcept { return opens_ >= kOpensBetweenLooks; }
  /// Closed collections that have had records in no file since before `time`. They are told once.
  std::vector<CollectionId> unsealed_since(Clock::time_point time);
  /// Opens the collection again and puts it in the place of `old`, unless somebody did already:
  /// the SysDb names other files now.
  Status reopen(const Context&, const Shared& old);
  /// Of caches: forgets `old`, so that whoever asks next loads the collection anew.
  void discard(const Shared& old);
  /// Of caches: closes what was used least recently and nobody is using, until so many bytes fit.
  void evict(uint64_t bytes);

 private:
  /// A collection that is being opened, is open, or (then no longer in slots_) failed to open or
  /// was closed.
  struct Slot;
  using SharedSlot = std::shared_ptr<Slot>;

  SharedSlot slot(const CollectionId&);
  SharedSlot find(const CollectionId&);
  void forget(const CollectionId&, const SharedSlot&);
  Result<Shared> open(const Context&, const CollectionId&, const SharedSlot&);
  /// Of caches: loads it on another thread, so that a caller who has no time to wait for a large
  /// collection does not keep it from being loaded. Whether there was one.
  bool open_elsewhere(const CollectionId&, const SharedSlot&);
  /// Where another process writes, its files may be replaced while they are being opened.
  Result<Shared> open_segments(const Context&, const CollectionId&);
  /// Where the collection was dropped meanwhile, an error becomes not_found.
  void open_is_done(const CollectionId&, Slot&, Result<Shared>&);
  bool close_if_idle(const CollectionId&, const SharedSlot&);
  struct Candidate;
  /// The open collections, those used least recently first.
  std::vector<Candidate> by_use();
  void keep_to_number();
  void keep_small_to_memory();
  Result<Shared> load(const Context&, const CollectionId&);

  static constexpr uint64_t kOpensBetweenLooks = 32;

  const Environment& environment_;
  const std::function<void(const CollectionId&)> opened_;
  std::atomic<uint64_t> uses_ = 0;
  std::atomic<uint64_t> opens_ = 0;  ///< since close_unused()
  Context loading_;                  ///< of loads; cancelled by stop()
  /// Not the executor\'s threads: work of the executor waits for loads.
  std::unique_ptr<ThreadPool> loaders_;

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;                                         // guarded by mutex_
  std::unordered_map<CollectionId, SharedSlot> slots_;            // guarded by mutex_, as the next
  std::unordered_map<CollectionId, Clock::time_point> unsealed_;  ///< of closed collections
};

}  // namespace viridian::segment
