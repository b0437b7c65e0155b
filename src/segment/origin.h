#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "segment/base.h"
#include "segment/serial.h"
#include "viridian/spi/segment_types.h"

namespace viridian::segment {

/// What a cached collection comes from: images up to a number, and the log after it. Remembers
/// which records the log has changed since, so that they can get new images. Thread-safe.
class Origin {
 public:
  using Clock = std::chrono::steady_clock;

  /// A record's newest state up to some number.
  struct Change {
    Offset offset = 0;
    SeqId seq = 0;
    bool removed = false;
  };
  /// What has no image yet.
  struct Pending {
    uint64_t records = 0;
    uint64_t bytes = 0;
    Clock::time_point since;  ///< of the oldest; now() if there are none
  };

  Origin(const Place& place, const Base& base) : place_(place), base_(base) {}

  const Place& place() const noexcept { return place_; }
  Base base() const;
  /// There are images up to a later number now.
  void advance(const Base& base);

  /// A batch was applied: its changes, its last number and its size.
  void note(std::span<const RowChange> changes, SeqId last, uint64_t bytes);
  /// The changes after `after` up to `up_to`, one per record, ascending by offset. `after` must not
  /// be less than a base's number that there was.
  std::vector<Change> changes(SeqId after, SeqId up_to) const;
  Pending pending() const;

  /// Held while images are made.
  Serial& compacting() noexcept { return compacting_; }

 private:
  struct Batch {
    SeqId last;
    uint64_t bytes;
    Clock::time_point applied;
  };

  const Place place_;
  Serial compacting_;
  mutable std::mutex mutex_;
  Base base_;                   // guarded by mutex_, as all below
  std::deque<Change> changes_;  ///< ascending by number
  std::deque<Batch> batches_;
  uint64_t bytes_ = 0;
};

}  // namespace viridian::segment
