#pragma once
#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "log/history.h"

namespace viridian::conformance {

/// A history in memory, as simple as it can be: what clickhouse::Log may expect of one.
class MemHistory : public clickhouse::History {
 public:
  using Extent = clickhouse::Extent;

  Result<Extent> begin(const Context&, const CollectionId& collection, uint64_t epoch) override {
    const std::lock_guard lock(mutex_);
    Extent& extent = extents_[collection];
    const uint64_t newest = extent.spans.empty() ? 0 : extent.spans.back().epoch;
    if (newest > epoch) return Error(Code::aborted, "a later epoch has begun");
    if (newest < epoch) extent.spans.push_back({epoch, extent.last + 1});
    return extent;
  }
  std::vector<Status> commit(const Context&, std::span<const Commit> commits) override {
    const std::lock_guard lock(mutex_);
    std::vector<Status> outcomes;
    for (const Commit& commit : commits) outcomes.push_back(commit_one(commit));
    return outcomes;
  }
  Result<Extent> extent(const Context&, const CollectionId& collection) override {
    const std::lock_guard lock(mutex_);
    const auto entry = extents_.find(collection);
    return entry == extents_.end() ? Extent() : entry->second;
  }
  Result<std::vector<Last>> lasts(const Context& context,
                                  std::span<const CollectionId> collections) override {
    std::vector<Last> found;
    for (const CollectionId& collection : collections) {
      const Extent known = *extent(context, collection);
      found.push_back({clickhouse::newest_epoch(known), known.last});
    }
    return found;
  }
  Status start_after(const Context&, const CollectionId& collection, uint64_t epoch,
                     SeqId after) override {
    const std::lock_guard lock(mutex_);
    const auto [entry, added] =
        extents_.try_emplace(collection, Extent{after, after, {{epoch, after + 1}}});
    (void)entry;
    if (!added) return Error(Code::already_exists, "there is a history");
    return ok_status();
  }
  Status trim(const Context&, const CollectionId& collection, SeqId up_to) override {
    const std::lock_guard lock(mutex_);
    const auto entry = extents_.find(collection);
    if (entry == extents_.end()) return ok_status();
    Extent& extent = entry->second;
    extent.base = std::max(extent.base, std::min(up_to, extent.last));
    while (extent.spans.size() > 1 && extent.spans[1].first <= extent.base + 1)
      extent.spans.erase(extent.spans.begin());
    return ok_status();
  }
  Status forget(const Context&, std::span<const CollectionId> collections) override {
    const std::lock_guard lock(mutex_);
    for (const CollectionId& collection : collections) extents_.erase(collection);
    return ok_status();
  }

 private:
  Status commit_one(const Commit& commit) {
    Extent& extent = extents_[commit.collection];
    if (clickhouse::newest_epoch(extent) != commit.epoch)
      return clickhouse::outcome_in(extent, commit.collection, commit.epoch, commit.to);
    if (extent.last >= commit.to) return ok_status();
    if (extent.last != commit.from) return Error(Code::internal, "a gap in the commits");
    extent.last = commit.to;
    return ok_status();
  }

  std::mutex mutex_;
  std::map<CollectionId, Extent> extents_;
};

}  // namespace viridian::conformance
