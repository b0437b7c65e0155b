#pragma once
#include <deque>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "viridian/spi/log.h"

namespace viridian::log {

/// The batches appended last, over all collections, so that who follows the log need not read and
/// decode them again. Oldest go first when the limit is reached. Thread-safe.
class TailCache {
 public:
  explicit TailCache(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// To be called in append order within a collection. Where memory is short the batch is not held:
  /// it is durable by now, and must be acknowledged.
  void put(const CollectionId& collection, const LogBatch& batch) noexcept;
  /// As Consumer::read, from memory alone: empty where the batch with number after + 1 is not held.
  std::vector<LogBatch> get(const CollectionId& collection, SeqId after, size_t limit_bytes) const;
  /// Lets go of the batches up to and including `up_to`.
  void erase(const CollectionId& collection, SeqId up_to);

 private:
  struct Entry {
    CollectionId collection;
    LogBatch batch;
    size_t bytes;
  };
  using Entries = std::list<Entry>;

  void erase_front(std::unordered_map<CollectionId, std::deque<Entries::iterator>>::iterator topic);

  const size_t limit_bytes_;
  mutable std::mutex mutex_;
  Entries entries_;  // oldest first
  std::unordered_map<CollectionId, std::deque<Entries::iterator>> topics_;
  size_t bytes_ = 0;
};

}  // namespace viridian::log
