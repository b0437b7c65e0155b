#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "segment/base_loader.h"
#include "segment/disposal.h"
#include "segment/environment.h"
#include "segment/origin.h"
#include "segment/serial.h"
#include "viridian/spi/segments.h"

namespace viridian::segment {

/// Both segments of one open collection: applies the log to them, seals them, merges their files.
/// Thread-safe.
///
/// Locks, outer before inner: sealing_ or merging_, publishing_, applying_, published_mutex_. Only
/// the last is ever taken by a reader whose records are applied already.
class CollectionSegments : public std::enable_shared_from_this<CollectionSegments> {
 public:
  using Clock = std::chrono::steady_clock;

  ///   not_found            the SysDb knows no such collection
  ///   failed_precondition  a segment is of a type that this program does not know
  ///   data_loss            a file is damaged, or the SysDb's rows contradict each other
  ///   unavailable          of caches: no whole base could be loaded. `attempt` counts tries, which
  ///                        ask one copy of the images after the other
  ///   resource_exhausted   of caches: there is no room for it
  static Result<std::shared_ptr<CollectionSegments>> open(const Context&, const Environment&,
                                                          const CollectionId&,
                                                          uint32_t attempt = 0);

  /// For open() only: nothing works before it is opened.
  CollectionSegments(const Environment& environment, const CollectionId& id);
  ~CollectionSegments();

  /// Applies what the log holds up to `min_seq`, at least.
  ///   out_of_range  only where read_only or cached: the writer has sealed and trimmed those
  ///                 records, or what was applied turned out void. It is to be opened anew
  Status catch_up(const Context&, SeqId min_seq);
  Result<std::shared_ptr<const ReadView>> pin(const Context&, SeqId min_seq);
  /// Whether what is durable but not applied is more than writers may run ahead.
  bool behind(SeqId durable) const;
  /// Bytes that what is durable but not applied is to take in memory, about.
  uint64_t backlog(SeqId durable) const;
  SegmentStats stats() const;
  SeqId applied() const;
  const CollectionId& id() const noexcept { return id_; }
  /// Whether it could be searched with so many vectors more.
  ///   resource_exhausted  its indexes would need more memory than there is for them
  Status check_searchable(uint64_t more) const;
  /// What is applied may be void, and another one is opened: from now on this one applies nothing,
  /// whoever still has it is told out_of_range.
  void set_discarded() noexcept { discarded_ = true; }
  bool discarded() const noexcept { return discarded_; }

  // collection_base.cpp
  /// Of caches: what it was loaded from. Else null.
  Origin* origin() const noexcept { return origin_.get(); }
  /// All that is applied, and the base that it would make, but for the checksum.
  struct Moment {
    std::shared_ptr<const ReadView> view;
    Base base;
  };
  Result<Moment> moment(const Context&);

  // collection_seal.cpp
  bool seal_is_due() const;
  /// Whether sealing for memory's sake would help and is not to wait after a failure.
  bool may_relieve_memory() const;
  const MemoryBudget::Account& memory() const noexcept { return memory_; }
  /// Why the last seal failed, if it did.
  std::optional<Error> seal_failure() const;
  Status seal(const Context&);
  /// Since when it has records that are in no file; unset: it has none.
  std::optional<Clock::time_point> unsealed_since() const;
  /// Those records were there before it was opened; they are yet to be applied.
  void set_unsealed_since(Clock::time_point since);

  // collection_merge.cpp
  /// Merges once, if a merge is due; whether one was.
  Result<bool> merge_if_due(const Context&, Throttle&);
  /// Leaves nothing that was deleted or replaced by now in any file or in the log.
  Status compact(const Context&, Throttle&);
  /// The same, but only where there is garbage, and files without any stay apart.
  Status purge(const Context&, Throttle&);

  // collection_files.cpp
  Result<SegmentImage> image(const Context&);
  /// Does what an image, a failure or a drop had put off.
  Status settle(const Context& context) { return disposal_.settle(context); }
  Status drop();
  /// Whether nobody looks at it, holds its files, or waits to hear from the SysDb.
  bool idle() const;
  /// Whether the SysDb names other files than these by now.
  Result<bool> superseded(const Context&) const;

 private:
  class View;
  class DropThrottle;

  /// One of the segments, as its writer does not know it.
  struct Half {
    SegmentWriter* writer = nullptr;
    Segment definition;             ///< without files; `sealed` is not kept up
    int64_t garbage_since = 0;      // guarded by publishing_, as the next two
    int64_t garbage_new_since = 0;  ///< of what was sealed since the merge under way began
    bool garbage_recorded = true;   ///< whether the SysDb has garbage_since
  };
  /// A change of the SysDb, and what is to follow it here.
  struct Publication {
    enum class Kind { seal, merge, garbage } kind = Kind::seal;
    size_t half = 0;  ///< that was merged
    SeqId up_to = 0;
    Clock::time_point frozen_at;
    std::vector<SegmentChange> changes;
  };
  enum class Which { due, all };

  /// What some work came to. Where the collection is dropped meanwhile, work fails in many ways,
  /// such as a file that is gone: all of them are not_found, and leave no directory.
  Status unless_dropped(const Context&, Status outcome);

  Status open_segments(const Context&, uint32_t attempt);
  Status open_half(const Context&, const Segment& definition);
  /// data_loss where the log ends before what the files hold.
  Status check_log(const Context& context, SeqId sealed) const;
  Status remove_orphans();
  Status read_and_apply(const Context&, SeqId min_seq);
  Status unless_discarded() const;
  Status apply(const LogBatch& logged);
  /// Shows readers everything applied up to `applied`.
  void publish(SeqId applied);
  Error stopped_error(const Error& cause) const;
  uint64_t file_bytes() const;

  // collection_base.cpp
  Status open_from_base(const Context&, const std::vector<Segment>& segments, uint32_t attempt);
  /// `expected`: bytes of the cache that are reserved already.
  Status take_loaded(const Context&, SeqId sealed, uint64_t expected, const LoadedRecords& records);
  Status move_to_files(const Context&, SeqId sealed);
  Status reserve_offsets(const Base& base);
  bool cache_seal_is_due() const;
  /// out_of_range where there are images of later records than were applied; else the error.
  Error unless_superseded(const Context&, Error error) const;

  // collection_seal.cpp
  Status seal_alone(const Context&);
  Status record_seal(const Context&, SeqId up_to, Clock::time_point frozen_at);
  void note_seal(const Status& outcome);

  // collection_merge.cpp; merging_ is held
  Status merge(const Context&, size_t half, FileRange range, Throttle&);
  /// What to merge, having begun it; unset: nothing.
  Result<std::optional<FileRange>> begin_merge(const Context&, size_t half, Which which);
  Status record_merge(const Context&, size_t half, bool everything);
  Status record_garbage(const Context&);
  Status rewrite(const Context&, Throttle&, bool only_garbage);

  // collection_publish.cpp; publishing_ is held
  /// Tries again what is in doubt.
  Status resolve(const Context&);
  Status record(const Context&, Publication publication);
  Status adopt(const Publication& publication);
  void note_change(Publication::Kind kind, const SegmentChange& change);
  void discard(const Publication& publication);
  std::vector<std::string> file_names() const;
  void note_garbage();
  /// The mean size of a record in the log; published_mutex_ is held.
  uint64_t record_bytes() const;

  const Environment& environment_;
  const CollectionId id_;
  const std::string directory_;
  Disposal disposal_;
  std::shared_ptr<const void> views_;  ///< shared by all views

  Serial sealing_, merging_;
  Serial publishing_;
  std::optional<Publication> doubt_;  ///< may have happened; guarded by publishing_
  std::atomic<bool> in_doubt_ = false;
  std::array<Half, 2> halves_;

  Serial applying_;
  std::unique_ptr<MetadataSegment> metadata_;  // guarded by applying_, as the next two
  std::unique_ptr<VectorSegment> vectors_;
  std::optional<Error> stopped_;  ///< why no more can be applied
  std::atomic<bool> discarded_ = false;

  mutable std::mutex published_mutex_;
  std::shared_ptr<const View> view_;  // guarded by published_mutex_, as all below
  SegmentStats stats_;
  IndexNeed index_need_;
  uint64_t applied_bytes_ = 0, applied_records_ = 0;  ///< for record_bytes()
  uint64_t head_record_bytes_ = 0;                    ///< of one in a head, index and all
  uint64_t garbage_bytes_ = 0;
  uint64_t loaded_head_bytes_ = 0;                    ///< of caches: in heads as they were loaded
  Clock::time_point head_since_;                      ///< of the oldest unsealed record
  std::optional<Clock::time_point> unapplied_since_;  ///< of those that the log still holds for it
  std::optional<Error> seal_failure_;
  uint32_t seal_failures_ = 0;         ///< one after the other
  Clock::time_point seal_not_before_;  ///< after a failure: a pause

  MemoryBudget::Account memory_;
  CacheBudget::Account cache_;
  std::unique_ptr<Origin> origin_;  ///< of caches; set by open()
};

}  // namespace viridian::segment
