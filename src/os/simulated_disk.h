#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "os/files.h"
#include "os/simulated_disk_state.h"

namespace viridian::os {

/// A test double: a disk in memory that keeps its history, so that a PowerCut can show what a loss
/// of power at any moment of it would have left. Thread-safe, except for history(). Files and locks
/// must not outlive it; mappings may. Writing to a file while it is mapped is an error.
class SimulatedDisk final : public Files {
 public:
  explicit SimulatedDisk(DiskState start = DiskState());

  /// Bytes that files may hold in all. Writes beyond put what fits, then fail.
  void set_capacity(uint64_t bytes);
  /// The nth sync of a file from now on fails (1 being the next), and what was not yet synced is
  /// written in part and never again, though it stays visible: so kernels do. 0: none.
  void fail_sync(uint64_t nth);
  /// True once that sync has failed.
  bool sync_failed() const;

  /// Changes made so far.
  size_t operations() const;
  const DiskState& start() const noexcept { return start_; }
  /// Only while nothing works on the disk.
  const std::vector<DiskOperation>& history() const noexcept { return history_; }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::unique_ptr<Mapping>> map(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<bool> exists(const std::string& path) override;
  Status make_directories(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status link(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status remove_all(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::unique_ptr<Lock>> lock(const std::string& path, std::string_view holder) override;

 private:
  class OpenFile;
  class HeldLock;
  class WholeFile;
  /// A name in a directory that exists.
  struct Place {
    InodeNumber directory = kNoInode;
    std::string name;
    InodeNumber inode = kNoInode;
  };

  Result<Place> place_of(std::string_view what, const std::string& path) const;
  Result<InodeNumber> directory_at(std::string_view what, const std::string& path) const;
  /// Without an inode where there is nothing to remove.
  Result<Place> place_to_remove(const std::string& path) const;
  void perform(DiskOperation operation);
  Status make_directories_locked(const std::string& path);
  Status sync_directory_locked(const std::string& path);
  void remove_tree(const Place& place, const std::string& path);
  Status write(InodeNumber file, const std::string& path, uint64_t offset,
               std::span<const Bytes> parts);
  Status sync(InodeNumber file, const std::string& path);
  Status check_not_mapped(InodeNumber file, const std::string& path) const;

  const DiskState start_;
  mutable std::mutex mutex_;
  DiskState now_;  // guarded by mutex_, as all below
  std::vector<DiskOperation> history_;
  std::set<InodeNumber> locked_;
  std::vector<std::pair<InodeNumber, std::weak_ptr<const void>>> mapped_;
  uint64_t capacity_ = std::numeric_limits<uint64_t>::max();
  uint64_t syncs_until_failure_ = 0;
  bool sync_failed_ = false;
};

/// Walks through the history of a disk and cuts the power wherever it stops.
class PowerCut {
 public:
  /// Nothing may work on the disk any more, and it must stay.
  explicit PowerCut(const SimulatedDisk& disk) : disk_(disk), state_(disk.start()) {}

  /// Before the operation of this number. Only forwards.
  void advance_to(size_t operation);
  DiskState image(const Survival& survival) const { return state_.after_power_cut(survival); }

 private:
  const SimulatedDisk& disk_;
  DiskState state_;
  size_t position_ = 0;
};

}  // namespace viridian::os
