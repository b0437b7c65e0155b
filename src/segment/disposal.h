#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "os/files.h"
#include "viridian/spi/log.h"

namespace viridian::segment {

/// What work on a dropped collection answers: not_found.
Error dropped_error();

/// What a collection no longer needs, and when it goes: files that were merged into others, log
/// records that are in files, everything once it is dropped. Images hold it off. What could not be
/// removed stays due. Thread-safe.
class Disposal {
 public:
  /// `files`: null where nothing is ever removed.
  Disposal(os::Files* files, std::string directory, Consumer& consumer, const CollectionId& id);
  ~Disposal();
  Disposal(const Disposal&) = delete;
  Disposal& operator=(const Disposal&) = delete;

  /// Nobody names these files any more.
  void add_files(const std::vector<std::string>& names);
  /// Everything up to this number is in files.
  void add_log(SeqId sealed);
  /// The whole directory may go.
  void drop();
  bool dropped() const noexcept { return dropped_; }

  /// Until release(sealed) no file goes, nor log records after `sealed`.
  void hold(SeqId sealed);
  void release(SeqId sealed);
  bool held() const;

  /// Removes what may go.
  Status settle(const Context& context);

 private:
  struct Due {
    std::vector<std::string> names;
    SeqId trim_to = 0;
    bool directory = false;
  };
  Due take_due();
  Status remove_files(const std::vector<std::string>& names);

  os::Files* const files_;
  const std::string directory_;
  Consumer& consumer_;
  const CollectionId id_;

  std::atomic<bool> dropped_ = false;
  std::mutex working_;  // outer: one settles at a time
  mutable std::mutex mutex_;
  std::vector<std::string> names_;  // guarded by mutex_, as all below
  std::multiset<SeqId> holds_;
  SeqId sealed_ = 0;
  SeqId trimmed_ = 0;
};

}  // namespace viridian::segment
