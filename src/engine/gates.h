#pragma once
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/ids.h"

namespace viridian::engine {

/// What a call is about to do with a collection.
enum class Access : uint8_t {
  read,   ///< look at it: goes with everything but drop
  write,  ///< append what does not depend on what is stored: goes with read and write
  alter,  ///< decide by what is stored, then change it: goes with read only
  drop,   ///< remove it for good: alone
};

/// Lets calls on one collection in by their Access. Writes, alters and drops that must wait are let
/// in as they came, so none of them can keep another out for ever. Reads wait for drops only, be
/// they inside or waiting. Thread-safe.
class Gate {
 public:
  /// Waits its turn. deadline_exceeded: not let in.
  Status enter(const Context& context, Access access);
  void leave(Access access) noexcept;

 private:
  bool fits(Access access) const;

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t readers_ = 0;  // guarded by mutex_, as all below
  uint64_t writers_ = 0;
  bool altering_ = false;
  bool dropping_ = false;
  uint64_t drops_waiting_ = 0;
  uint64_t next_ticket_ = 0;
  std::set<uint64_t> waiting_;  // tickets of writes, alters and drops
};

/// Leaves a gate that was entered.
class GateGuard {
 public:
  GateGuard(Gate& gate, Access access) : gate_(gate), access_(access) {}
  ~GateGuard() { gate_.leave(access_); }
  GateGuard(const GateGuard&) = delete;
  GateGuard& operator=(const GateGuard&) = delete;

 private:
  Gate& gate_;
  const Access access_;
};

/// The gates of all collections. A gate exists only while a call is at it, so there is nothing to
/// clean up when a collection goes. Thread-safe.
class Gates {
 public:
  class Pass;

  /// Waits until `access` to the collection is free; the pass keeps it until it is destroyed.
  /// One call never holds two passes, so calls cannot wait for each other in a circle.
  Result<Pass> enter(const Context& context, const CollectionId& collection, Access access);
  /// Gates in use, for tests.
  size_t size() const;

 private:
  struct Entry {
    Gate gate;
    uint64_t users = 0;  // guarded by mutex_
  };
  Entry& hold(const CollectionId& collection);
  void release(const CollectionId& collection) noexcept;

  mutable std::mutex mutex_;
  std::unordered_map<CollectionId, Entry> entries_;  // guarded by mutex_; nodes do not move
};

/// Access to one collection, given back on destruction. It must not outlive its Gates.
class Gates::Pass {
 public:
  Pass(Pass&& other) noexcept
      : gates_(std::exchange(other.gates_, nullptr)),
        gate_(other.gate_),
        collection_(other.collection_),
        access_(other.access_) {}
  Pass& operator=(Pass&& other) = delete;
  ~Pass();

 private:
  friend class Gates;
  Pass(Gates& gates, Gate& gate, const CollectionId& collection, Access access)
      : gates_(&gates), gate_(&gate), collection_(collection), access_(access) {}

  Gates* gates_;
  Gate* gate_;
  CollectionId collection_;
  Access access_;
};

}  // namespace viridian::engine
