#include "log/mem_log.h"

#include <algorithm>
#include <unordered_set>

#include "log/log_errors.h"
#include "log/wait.h"

namespace viridian::mem {

Result<std::unique_ptr<Log>> Log::create(System&) { return std::make_unique<Log>(); }

Result<SeqId> Log::append(const Context& context, const CollectionId& collection,
                          SharedBatch batch) {
  VIRIDIAN_TRY_VOID(context.check());
  if (batch == nullptr || batch->rows() == 0) return log::empty_batch();
  const std::lock_guard lock(mutex_);
  Topic& topic = topics_[collection];
  const SeqId first = topic.last + 1;
  topic.last += batch->rows();
  topic.batches.push_back({first, std::move(batch)});
  grown_.notify_all();
  return topic.last;
}

Status Log::start_after(const Context& context, const CollectionId& collection, SeqId after) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const auto [topic, made] = topics_.try_emplace(collection);
  if (!made) return log::has_begun(collection, topic->second.last);
  topic->second.trimmed = topic->second.last = after;
  grown_.notify_all();
  return ok_status();
}

Status Log::retain(const Context&, const std::vector<CollectionId>& known) {
  const std::unordered_set<CollectionId> kept(known.begin(), known.end());
  const std::lock_guard lock(mutex_);
  std::erase_if(topics_, [&](const auto& entry) { return !kept.contains(entry.first); });
  return ok_status();
}

Status Log::drop(const Context&, const CollectionId& collection) {
  const std::lock_guard lock(mutex_);
  topics_.erase(collection);
  return ok_status();
}

Result<std::vector<LogBatch>> Log::read(const Context& context, const CollectionId& collection,
                                        SeqId after, size_t limit_bytes) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  std::vector<LogBatch> found;
  const auto entry = topics_.find(collection);
  if (entry == topics_.end()) return found;
  const Topic& topic = entry->second;
  if (after < topic.trimmed) return log::trimmed_away(collection, after, topic.trimmed);
  auto at = std::partition_point(topic.batches.begin(), topic.batches.end(),
                                 [&](const LogBatch& held) { return held.last_seq() <= after; });
  for (size_t bytes = 0; at != topic.batches.end() && (found.empty() || bytes < limit_bytes);
       ++at) {
    bytes += at->batch->size_bytes();
    found.push_back(*at);
  }
  return found;
}

Result<SeqId> Log::last(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const auto entry = topics_.find(collection);
  return entry == topics_.end() ? 0 : entry->second.last;
}

Status Log::wait(const Context& context, const CollectionId& collection, SeqId after) {
  std::unique_lock lock(mutex_);
  return log::wait_until(context, grown_, lock, [&] {
    const auto entry = topics_.find(collection);
    return entry != topics_.end() && entry->second.last > after;
  });
}

Status Log::trim(const Context& context, const CollectionId& collection, SeqId up_to) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const auto entry = topics_.find(collection);
  if (entry == topics_.end()) return ok_status();
  Topic& topic = entry->second;
  while (!topic.batches.empty() && topic.batches.front().last_seq() <= up_to) {
    topic.trimmed = topic.batches.front().last_seq();
    topic.batches.pop_front();
  }
  return ok_status();
}

}  // namespace viridian::mem
