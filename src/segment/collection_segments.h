#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "base/executor.h"
#include "os/files.h"
#include "segment/serial.h"
#include "viridian/spi/log.h"
#include "viridian/spi/segment_types.h"
#include "viridian/spi/segments.h"
#include "viridian/spi/sysdb.h"

namespace viridian::segment {

struct Options {
  uint64_t seal_bytes = 0;
  uint64_t seal_records = 0;
  std::chrono::seconds seal_age{0};
  uint64_t backlog_bytes = 0;
};

/// What the segments of all collections work with.
struct Environment {
  SysDb& sysdb;
  Consumer& consumer;
  Executor& executor;
  os::Files* files;  ///< null: segments in memory, which never seal
  std::string root;  ///< directory of all collections' segment directories
  SegmentTypes types;
  Options options;

  std::string directory(const CollectionId& id) const { return root + "/" + id.to_string(); }
};

/// Removes a dropped collection's directory once nobody has one of its files open any more.
class DirectoryGuard {
 public:
  DirectoryGuard(os::Files* files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}
  ~DirectoryGuard();
  DirectoryGuard(const DirectoryGuard&) = delete;
  DirectoryGuard& operator=(const DirectoryGuard&) = delete;
  void remove_at_end() noexcept { remove_ = true; }

 private:
  os::Files* files_;
  std::string directory_;
  std::atomic<bool> remove_ = false;
};

/// Both segments of one open collection: applies the log to them and seals them. Thread-safe.
///
/// Locks, outer before inner: sealing_, applying_, published_mutex_. Only the last is ever taken
/// by a reader whose records are applied already.
class CollectionSegments {
 public:
  ///   not_found            the SysDb knows no such collection
  ///   failed_precondition  a segment is of a type that this program does not know
  ///   data_loss            a file is damaged, or the SysDb's rows contradict each other
  static Result<std::shared_ptr<CollectionSegments>> open(const Context&, const Environment&,
                                                          const CollectionId&);

  /// For open() only: nothing works before it is opened.
  CollectionSegments(const Environment& environment, const CollectionId& id);

  /// Applies what the log holds up to `min_seq`, at least.
  Status catch_up(const Context&, SeqId min_seq);
  Result<std::shared_ptr<const ReadView>> pin(const Context&, SeqId min_seq);
  /// Whether what is durable but not applied is more than writers may run ahead.
  bool behind(SeqId durable) const;
  bool seal_is_due() const;
  Status seal(const Context&);
  SegmentStats stats() const;
  SeqId applied() const;
  /// The directory goes when the last view goes.
  void drop() noexcept { guard_->remove_at_end(); }

 private:
  class View;
  using Clock = std::chrono::steady_clock;

  Status open_segments(const Context&);
  /// data_loss where the log ends before what the files hold.
  Status check_log(const Context& context, SeqId sealed) const;
  Status remove_orphans();
  Status read_and_apply(const Context&, SeqId min_seq);
  Status apply(const LogBatch& logged);
  /// Shows readers everything applied up to `applied`.
  void publish(SeqId applied);
  /// Writes and records what was frozen.
  Status write_and_record(const Context&, SeqId up_to);
  Error stopped_error(const Error& cause) const;

  const Environment& environment_;
  const CollectionId id_;
  std::shared_ptr<DirectoryGuard> guard_;
  SegmentId metadata_id_, vector_id_;

  Serial sealing_;
  Serial applying_;
  std::unique_ptr<MetadataSegment> metadata_;  // guarded by applying_, as the next two
  std::unique_ptr<VectorSegment> vectors_;
  std::optional<Error> stopped_;  ///< why no more can be applied

  mutable std::mutex published_mutex_;
  std::shared_ptr<const View> view_;  // guarded by published_mutex_, as all below
  SegmentStats stats_;
  uint64_t head_rows_ = 0;
  uint64_t applied_bytes_ = 0, applied_records_ = 0;  ///< for the mean size of a record
  Clock::time_point head_since_;                      ///< of the oldest unsealed record
  Clock::time_point seal_not_before_;                 ///< after a failure: a pause
};

}  // namespace viridian::segment
