#pragma once
#include <cstdint>
#include <functional>
#include <mutex>

#include "viridian/base/result.h"

namespace viridian::segment {

/// Bytes that cached collections take, in memory and in files. Who wants to load one asks first;
/// what a collection grows by while it is open is counted, and makes others leave. Thread-safe.
class CacheBudget {
 public:
  explicit CacheBudget(uint64_t limit) : limit_(limit) {}
  CacheBudget(const CacheBudget&) = delete;
  CacheBudget& operator=(const CacheBudget&) = delete;

  /// One collection's part, given back when it goes.
  class Account {
   public:
    explicit Account(CacheBudget& budget) : budget_(budget) {}
    ~Account() { set(0); }
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;
    void set(uint64_t bytes);

   private:
    friend class CacheBudget;
    CacheBudget& budget_;
    uint64_t bytes_ = 0;  // guarded by budget_.mutex_
  };

  uint64_t limit() const noexcept { return limit_; }
  uint64_t total() const;
  /// What closes collections that nobody uses until so many bytes are free, or there are none left.
  /// To be set before the first reserve().
  void set_evict(std::function<void(uint64_t bytes)> evict) { evict_ = std::move(evict); }
  /// Gives the account this many bytes.
  ///   resource_exhausted  they are more than there are, or than others leave that are in use
  Status reserve(Account& account, uint64_t bytes);

 private:
  bool try_reserve(Account& account, uint64_t bytes);

  const uint64_t limit_;
  std::function<void(uint64_t)> evict_;
  mutable std::mutex mutex_;
  uint64_t total_ = 0;  // guarded by mutex_
};

}  // namespace viridian::segment
