#pragma once
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "segment/cache_directory.h"
#include "segment/compaction.h"
#include "segment/manager.h"

namespace viridian::clickhouse {

/// What a manager needs before and after all else that it is made of.
struct Holdings {
  std::unique_ptr<os::Files> files;
  std::unique_ptr<segment::BaseStore> store;
};

/// Segments as a cache: collections are loaded from images that all servers share, follow their log
/// from there, and are dropped when room is needed. Whoever holds a collection's lease makes new
/// images from time to time, so that the log can be trimmed.
class SegmentManager final : private Holdings, public segment::Manager {
 public:
  struct Options {
    uint64_t compact_bytes = 0;
    uint64_t compact_records = 0;
    std::chrono::seconds compact_age{0};
    uint32_t shards = 1;  ///< that new collections are dealt out to
    /// How often the background looks what there is to do.
    std::chrono::milliseconds look_every{1000};
  };
  struct Peers {
    viridian::SysDb& sysdb;
    Consumer& consumer;
    viridian::Leases& leases;
    Executor& executor;
    obs::Metrics* metrics = nullptr;  ///< null: nobody is told
  };

  static Result<std::unique_ptr<SegmentManager>> create(System& system);
  /// `cache_path`: the directory in which it makes one of its own.
  SegmentManager(const Peers& peers, Holdings holdings, const std::string& cache_path,
                 const segment::Options& cache, const Options& options, std::string metadata_type,
                 std::string vector_type);
  ~SegmentManager() override;

  Status start(const Context&) override;
  void stop() noexcept override;

  std::vector<Segment> plan(const CollectionId&) const override;
  /// Makes images of everything that the log holds by now.
  ///   aborted  another process holds the collection's lease
  Status seal(const Context&, const CollectionId&) override;
  /// As seal(); what was replaced or removed is then gone from the images and from the log.
  Status compact(const Context&, const CollectionId&) override;
  /// unimplemented: images are in ClickHouse, which has backups of its own.
  Result<SegmentImage> image(const Context&, const CollectionId&) override;
  Result<std::vector<Segment>> restore(const Context&, const CollectionId& target,
                                       const SegmentImage&) override;
  Result<SegmentStats> stats(const Context&, const CollectionId&) override;
  Status drop(const Context&, const CollectionId&) override;

 private:
  using Clock = std::chrono::steady_clock;

  Status compact(const Context&, const CollectionId&, bool purge);
  Status compact_open(const Context&, segment::CollectionSegments& collection, bool purge);
  void run();
  void look();
  bool due(const segment::Origin::Pending& pending) const;
  /// From time to time: closes those that are gone, and notes the others for look_at_closed().
  void look_at_all();
  /// Looks at a few of those collections that nobody has open here.
  void look_at_closed();
  void close_unknown(const std::vector<Shared>& open, const std::vector<CollectionId>& known);
  Status compact_closed(const CollectionId&);
  void forget_dropped();
  void forget_unknown();
  bool attempt(const char* what, const CollectionId&, const Status& outcome);
  bool stopping() const { return !context_.check().ok(); }

  viridian::SysDb& sysdb_;
  Consumer& consumer_;
  viridian::Leases& leases_;
  const Options options_;
  segment::Compaction compaction_;
  std::unique_ptr<segment::CacheDirectory> directory_;
  const std::string cache_path_;
  Context context_;  ///< of the background; cancelled by stop()

  // The background's alone.
  std::unordered_map<CollectionId, Clock::time_point> not_before_;  ///< after a failure
  std::vector<CollectionId> closed_;
  Clock::time_point next_round_, next_sweep_, next_forget_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<CollectionId> dropped_;  ///< whose images are to go; guarded by mutex_
  std::thread thread_;
};

}  // namespace viridian::clickhouse
