#include "sysdb/row_cache.h"

#include <algorithm>

#include "viridian/base/context.h"

namespace viridian::sysdb {
namespace {

constexpr size_t kEntriesMax = 16384;

}  // namespace

RowCache::Mark RowCache::mark() const {
  const auto at = Clock::now();
  const std::lock_guard lock(mutex_);
  return {changes_, at};
}

RowCache::Mark RowCache::begin_change(const CollectionId& id) {
  const auto at = Clock::now();
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
  return {++changes_, at};
}

void RowCache::end_change(const Mark& begun, const CollectionId& id,
                          const std::optional<Collection>& row, std::optional<uint64_t> epoch) {
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
  if (row && changes_ == begun.changes) put(begun, *row, epoch);
  ++changes_;
}

void RowCache::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  ++changes_;
}

void RowCache::keep_only(const std::vector<CollectionId>& known) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const auto& entry) {
    return !std::binary_search(known.begin(), known.end(), entry.first);
  });
  ++changes_;  // a read that began before may hold a row of those
}

void RowCache::keep(const Mark& begun, const Collection& row, std::optional<uint64_t> epoch) {
  const std::lock_guard lock(mutex_);
  if (changes_ == begun.changes) put(begun, row, epoch);
}

void RowCache::put(const Mark& begun, const Collection& row, std::optional<uint64_t> epoch) {
  if (entries_.size() >= kEntriesMax) entries_.clear();  // refilled by what is in use
  Entry& entry = entries_[row.id];
  // Of two reads that overtook each other the later one is kept.
  if (entry.row != nullptr && entry.at > begun.at) return;
  entry = {std::make_shared<const Collection>(row), begun.at, epoch};
}

std::shared_ptr<const Collection> RowCache::find(const CollectionId& id,
                                                 std::chrono::milliseconds age,
                                                 std::optional<uint64_t> epoch) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return nullptr;
  const Entry& entry = found->second;
  const bool young = age == Context::kAnyAge || (age.count() > 0 && Clock::now() - entry.at <= age);
  return young || (epoch && entry.epoch == epoch) ? entry.row : nullptr;
}

}  // namespace viridian::sysdb
