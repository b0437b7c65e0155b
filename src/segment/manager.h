#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "segment/collection_segments.h"
#include "viridian/spi/component.h"

namespace viridian::segment {

/// What local::SegmentManager and mem::SegmentManager have in common: all but what they are made
/// of. Collections open when they are first asked for.
class Manager : public Component, public viridian::SegmentManager {
 public:
  ~Manager() override;
  void stop() noexcept override;

  std::vector<Segment> plan(const CollectionId&) const override;
  Result<std::shared_ptr<const ReadView>> pin(const Context&, const CollectionId&,
                                              SeqId min_seq) override;
  Status hint(const Context&, const CollectionId&, SeqId durable) override;
  Status seal(const Context&, const CollectionId&) override;
  Result<SegmentStats> stats(const Context&, const CollectionId&) override;
  Status drop(const Context&, const CollectionId&) override;

 protected:
  Manager(Environment environment, std::string metadata_type, std::string vector_type);

  const Environment& environment() const noexcept { return environment_; }

 private:
  /// A collection that is being opened, is open, or (then no longer in slots_) failed to open.
  struct Slot;

  std::shared_ptr<Slot> slot(const CollectionId&);
  void forget(const CollectionId&, const std::shared_ptr<Slot>&);
  Result<std::shared_ptr<CollectionSegments>> collection(const Context&, const CollectionId&);
  Result<std::shared_ptr<CollectionSegments>> open(const Context&, const CollectionId&,
                                                   const std::shared_ptr<Slot>&);
  /// One round of background work; whether the collection holds everything up to `hinted` now.
  bool catch_up_and_seal(const Context& context, const CollectionId& id, SeqId hinted);
  void work_in_background(const CollectionId&, Slot&);

  Environment environment_;
  std::string metadata_type_, vector_type_;

  std::mutex mutex_;
  std::condition_variable idle_;
  std::unordered_map<CollectionId, std::shared_ptr<Slot>> slots_;  // guarded by mutex_, as below
  size_t background_ = 0;  ///< tasks given to the executor and not yet done
  bool stopping_ = false;
};

}  // namespace viridian::segment
