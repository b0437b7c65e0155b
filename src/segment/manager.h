#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "segment/collection_pool.h"
#include "segment/maintenance.h"
#include "viridian/spi/component.h"

namespace viridian::segment {

/// What local::SegmentManager and mem::SegmentManager have in common: all but what they are made
/// of. Collections open when they are first asked for. Images must be gone before it is.
class Manager : public Component, public viridian::SegmentManager {
 public:
  ~Manager() override;
  Status start(const Context&) override;
  void stop() noexcept override;

  std::vector<Segment> plan(const CollectionId&) const override;
  Result<std::shared_ptr<const ReadView>> pin(const Context&, const CollectionId&,
                                              SeqId min_seq) override;
  Status admit(const Context&, const CollectionId&, uint64_t bytes, uint64_t vectors) override;
  Status hint(const Context&, const CollectionId&, SeqId durable) override;
  Status seal(const Context&, const CollectionId&) override;
  Status compact(const Context&, const CollectionId&) override;
  Status close(const Context&, const CollectionId&) override;
  Result<SegmentImage> image(const Context&, const CollectionId&) override;
  Result<std::vector<Segment>> restore(const Context&, const CollectionId& target,
                                       const SegmentImage&) override;
  Result<SegmentStats> stats(const Context&, const CollectionId&) override;
  Status drop(const Context&, const CollectionId&) override;

 protected:
  struct Parts {
    SysDb& sysdb;
    Consumer& consumer;
    Executor& executor;
    os::Files* files;  ///< as in Environment, as the next
    std::string root;
    obs::Metrics* metrics;  ///< null: nobody is told
    SegmentTypes types;
    Options options;
    BaseStore* images = nullptr;  ///< as in Environment
  };
  Manager(Parts parts, std::string metadata_type, std::string vector_type);

  using Shared = CollectionPool::Shared;

  const Environment& environment() const noexcept { return environment_; }
  CollectionPool& pool() noexcept { return pool_; }

  /// The open collection, holding everything that is durable.
  Result<Shared> caught_up(const Context&, const CollectionId&);
  /// Opens anew what another process has made useless.
  Status renew(const Context&, const Shared& collection);

 private:
  /// What a growing head calls for.
  void after_applying(const Shared& collection);
  void catch_up_in_background(const CollectionId&);
  Status apply(const Context&, const Shared& collection, SeqId durable);
  /// Applies what is not yet, where that is to take more memory than there is.
  Status apply_before_memory_is_short(const Context&, const Shared& collection);
  /// Whether the collection holds everything up to `hinted` now.
  bool catch_up(const CollectionId&, SeqId hinted);

  const std::unique_ptr<obs::Metrics> own_metrics_;
  const Environment environment_;
  const std::string metadata_type_, vector_type_;
  CollectionPool pool_;
  Maintenance maintenance_;

  std::mutex mutex_;
  std::condition_variable idle_;
  /// Collections that a task of the executor catches up, and how far; guarded by mutex_.
  std::unordered_map<CollectionId, SeqId> hinted_;
  bool stopping_ = false;  // guarded by mutex_
};

}  // namespace viridian::segment
