#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "os/files.h"

namespace viridian::os {

/// A small source of random numbers that gives the same ones everywhere (SplitMix64).
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  uint64_t next();
  /// In [0, n).
  uint64_t below(uint64_t n) { return next() % n; }
  bool percent(unsigned chance) { return below(100) < chance; }

 private:
  uint64_t state_;
};

using InodeNumber = size_t;
inline constexpr InodeNumber kNoInode = 0;
inline constexpr InodeNumber kRootInode = 1;

/// The name now means this inode; kNoInode: it is gone.
struct NameChange {
  InodeNumber directory = kNoInode;
  std::string name;
  InodeNumber inode = kNoInode;
};

/// One change to a disk. Inode numbers are given in the order of creation, so that the same
/// operations on the same state come to the same state.
struct DiskOperation {
  enum class Kind : uint8_t {
    create,          ///< a file, with its first name
    make_directory,  ///< with its name
    names,           ///< link, rename or removal: all of `names` at once
    write,           ///< `data` at `number`
    truncate,        ///< to the size `number`
    sync,            ///< of a file
    failed_sync,     ///< which leaves on the disk what the seed `number` says
    sync_directory,
  };
  Kind kind = Kind::names;
  InodeNumber inode = kNoInode;  ///< what is written, synced or made
  std::vector<NameChange> names = {};
  uint64_t number = 0;
  std::vector<std::byte> data = {};
  std::string path = {};  ///< for people
};

/// What of the changes that were not synced a power cut leaves on the disk.
struct Survival {
  unsigned percent = 0;  ///< of sectors, sizes and names; 0: nothing, 100: everything
  uint64_t seed = 0;
  size_t granule = 512;  ///< bytes of a file that survive together: a sector or a page
  bool garbage = false;  ///< parts of a grown file that did not survive hold anything, not zeros
};

/// What is on a disk, as programs see it and as a power cut would leave it.
///
/// The model promises what POSIX does and no more:
/// - Syncing a file keeps its bytes and its size, but not its names.
/// - Syncing a directory keeps its names, but nothing of the files they mean.
/// - Bytes that were not synced survive or not sector by sector, the size by itself. A sector that
///   was written several times may hold any of the versions. What is cut off is cut off whole.
/// - Changes of names survive or not one by one (a rename as a whole), but never one without the
///   earlier ones of the same name.
/// Copies share the bytes of files.
class DiskState {
 public:
  using Buffer = std::vector<std::byte>;
  using Names = std::map<std::string, InodeNumber, std::less<>>;

  DiskState();

  void apply(const DiskOperation& operation);
  /// The disk after a power cut now; nothing is pending on it.
  DiskState after_power_cut(const Survival& survival) const;

  /// kNoInode where there is nothing; a path without components is the root.
  InodeNumber find(std::string_view path) const;
  /// What the next file or directory made will have.
  InodeNumber next_inode() const { return inodes_.size(); }
  bool is_directory(InodeNumber inode) const { return inodes_[inode].directory; }
  const Names& names(InodeNumber directory) const { return inodes_[directory].names; }
  const Buffer& bytes(InodeNumber file) const { return *inodes_[file].current; }
  std::shared_ptr<const Buffer> share(InodeNumber file) const { return inodes_[file].current; }
  /// Bytes of all files that have a name.
  uint64_t used_bytes() const;
  /// Equal for equal trees of equal files (as programs see them).
  uint64_t digest() const;

 private:
  /// Whole sectors as they were after a write, or after the file was cut off before their end.
  struct PendingWrite {
    uint64_t offset = 0;
    Buffer sectors;
    size_t with_size = 0;  // a cut: survives just if this one of the sizes (from 1), or a later one
  };
  struct Inode {
    bool directory = false;
    Names names, durable_names;
    std::shared_ptr<Buffer> current, durable;
    std::vector<PendingWrite> writes;  // since the last sync
    std::vector<uint64_t> sizes;       // that the file had since then
    bool dropped_writes = false;       // a sync failed: `current` holds what no sync writes again
  };

  InodeNumber add(bool directory);
  void set(const NameChange& change);
  static void write(Inode& file, uint64_t offset, Bytes bytes);
  static void truncate(Inode& file, uint64_t size);
  static void note_sectors(Inode& file, uint64_t begin, uint64_t end);
  static void settle(Inode& file, std::shared_ptr<Buffer> durable);
  void sync_directory(InodeNumber directory);
  static std::shared_ptr<Buffer> surviving(const Inode& file, const Survival& survival, Dice& dice);
  std::vector<Names> surviving_names(const Survival& survival, Dice& dice) const;
  InodeNumber copy_into(DiskState& target, InodeNumber from, const std::vector<Names>& names,
                        std::vector<InodeNumber>& copied, const Survival& survival,
                        Dice& dice) const;

  std::vector<Inode> inodes_;  // by number
  std::vector<std::vector<NameChange>> pending_names_;
};

/// "a//b/c/" -> a, b, c.
std::vector<std::string_view> components_of(std::string_view path);

}  // namespace viridian::os
