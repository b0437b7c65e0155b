#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace viridian::sql {

/// What the connections of this process to one database file share where the operating system's
/// locks and mappings are not to be had: SQLite's file locks and the index of its write-ahead log.
/// Results are SQLite's codes. Thread-safe.
class SharedMemory {
 public:
  static constexpr size_t kLocks = 8;  // SQLITE_SHM_NLOCK

  /// A connection's part; one per open file.
  struct Holder {
    int level = 0;            ///< SQLITE_LOCK_...
    uint32_t shared = 0;      ///< bits of the index's locks, held with others
    uint32_t exclusive = 0;   ///< bits held alone
    bool uses_index = false;  ///< has regions mapped
  };

  int lock(Holder& holder, int level);
  void unlock(Holder& holder, int level);
  bool reserved() const;

  /// Null where the region is not there and `extend` is false.
  volatile void* region(Holder& holder, size_t number, size_t bytes, bool extend);
  int lock_index(Holder& holder, int first, int count, int flags);
  /// Forgets the index when its last user goes.
  void leave_index(Holder& holder);
  void barrier() const;

 private:
  mutable std::mutex mutex_;
  int readers_ = 0;                 // holders at SHARED or above
  const Holder* writer_ = nullptr;  // the one at RESERVED or above
  size_t index_users_ = 0;
  std::vector<std::vector<uint64_t>> regions_;
  std::array<int, kLocks> shared_{};
  uint32_t exclusive_ = 0;
};

}  // namespace viridian::sql
