#include "log/tail_cache.h"

#include <algorithm>

namespace viridian::log {

void TailCache::put(const CollectionId& collection, const LogBatch& batch) noexcept {
  constexpr size_t kOverhead = 256;  // list and deque nodes, so that tiny batches count too
  const size_t bytes = batch.batch->size_bytes() + kOverhead;
  const std::lock_guard lock(mutex_);
  if (bytes > limit_bytes_) return;
  Entries made;
  try {
    made.push_back({collection, batch, bytes});
    topics_[collection].push_back(made.begin());
  } catch (const std::bad_alloc&) {
    const auto topic = topics_.find(collection);
    if (topic != topics_.end() && topic->second.empty()) topics_.erase(topic);
    return;
  }
  entries_.splice(entries_.end(), made);
  bytes_ += bytes;
  // The oldest entry of all is the oldest of its own collection.
  while (bytes_ > limit_bytes_) erase_front(topics_.find(entries_.front().collection));
}

std::vector<LogBatch> TailCache::get(const CollectionId& collection, SeqId after,
                                     size_t limit_bytes) const {
  const std::lock_guard lock(mutex_);
  std::vector<LogBatch> found;
  const auto topic = topics_.find(collection);
  if (topic == topics_.end()) return found;
  const auto& held = topic->second;
  auto at = std::partition_point(held.begin(), held.end(), [&](const Entries::iterator& entry) {
    return entry->batch.last_seq() <= after;
  });
  size_t bytes = 0;
  // A batch too large to be held leaves a gap: what comes after it is not next.
  for (SeqId next = after + 1; at != held.end() && (*at)->batch.first_seq <= next; ++at) {
    if (!found.empty() && bytes >= limit_bytes) break;
    bytes += (*at)->bytes;
    next = (*at)->batch.last_seq() + 1;
    found.push_back((*at)->batch);
  }
  return found;
}

void TailCache::erase(const CollectionId& collection, SeqId up_to) {
  const std::lock_guard lock(mutex_);
  for (auto topic = topics_.find(collection);
       topic != topics_.end() && topic->second.front()->batch.last_seq() <= up_to;
       topic = topics_.find(collection))
    erase_front(topic);
}

void TailCache::erase_front(
    std::unordered_map<CollectionId, std::deque<Entries::iterator>>::iterator topic) {
  const Entries::iterator entry = topic->second.front();
  bytes_ -= entry->bytes;
  entries_.erase(entry);
  topic->second.pop_front();
  if (topic->second.empty()) topics_.erase(topic);
}

}  // namespace viridian::log
