#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "viridian/model/collection.h"

namespace viridian::sysdb {

/// Collections' rows as this process last saw them, for readers that say how old they may be, and
/// for the holder of a slot, without whom no row of it changes. Thread-safe.
class RowCache {
 public:
  using Clock = std::chrono::steady_clock;

  /// How far changes of this process had come when a read or a change began. A row that was read
  /// while one was under way is not kept: it may be of before it.
  struct Mark {
    uint64_t changes = 0;
    Clock::time_point at;
  };
  Mark mark() const;
  /// A change of the collection begins: what is kept of it goes.
  Mark begin_change(const CollectionId& id);
  /// It has ended, with this row; unset: the collection is gone, or it is not known what it is now.
  void end_change(const Mark& begun, const CollectionId& id, const std::optional<Collection>& row,
                  std::optional<uint64_t> epoch);
  void clear();
  /// Forgets the rows of all collections but these, ascending: no others are in the store.
  void keep_only(const std::vector<CollectionId>& known);

  /// Keeps a row that was read after `begun`. `epoch`: the one under which this process held the
  /// slot then, if it did.
  void keep(const Mark& begun, const Collection& row, std::optional<uint64_t> epoch);

  /// A row not older than `age`, or one that was read under `epoch`: the caller is certain that it
  /// still holds it.
  std::shared_ptr<const Collection> find(const CollectionId& id, std::chrono::milliseconds age,
                                         std::optional<uint64_t> epoch) const;

 private:
  struct Entry {
    std::shared_ptr<const Collection> row;
    Clock::time_point at;
    std::optional<uint64_t> epoch;
  };
  void put(const Mark& begun, const Collection& row, std::optional<uint64_t> epoch);

  mutable std::mutex mutex_;
  uint64_t changes_ = 0;                             // begun and ended; guarded by mutex_
  std::unordered_map<CollectionId, Entry> entries_;  // guarded by mutex_
};

}  // namespace viridian::sysdb
