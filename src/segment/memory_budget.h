#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::segment {

/// Bytes that records not yet in files take, over all collections. Each collection that has such
/// records has the same share of the limit. Beyond the limit those over their share are to be
/// sealed; a quarter beyond it their writers wait. Who keeps to its share never waits for others.
/// Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t limit) : limit_(limit) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// One collection's part, given back when it goes. Thread-safe.
  class Account {
   public:
    explicit Account(MemoryBudget& budget) : budget_(budget) {}
    ~Account() { set(0); }
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    /// 0: it has no unsealed records.
    void set(uint64_t bytes);
    uint64_t bytes() const;
    bool over_share() const;

   private:
    friend class MemoryBudget;
    MemoryBudget& budget_;
    uint64_t bytes_ = 0;  // guarded by budget_.mutex_
  };

  uint64_t total() const;
  /// Whether somebody must be sealed.
  bool over_limit() const;
  /// Whether, with so many bytes more, the account would be over its share and all over the limit.
  bool would_be_short(const Account& account, uint64_t bytes) const;
  /// Returns once the account may take `bytes` more. `relieve` is called before each wait: it sees
  /// to it that memory is given back or wake() is called, or returns the error with which to give
  /// up.
  Status wait_for_room(const Context& context, const Account& account, uint64_t bytes,
                       const std::function<Status()>& relieve);
  /// Lets all who wait ask `relieve` again.
  void wake();

 private:
  uint64_t share() const { return limit_ / (accounts_ == 0 ? 1 : accounts_); }
  bool has_room(const Account& account, uint64_t bytes) const;

  const uint64_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t total_ = 0;     // guarded by mutex_, as all below
  uint64_t accounts_ = 0;  ///< that have bytes
  uint64_t changes_ = 0;   ///< that those who wait want to hear of
};

}  // namespace viridian::segment
