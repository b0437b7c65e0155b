#pragma once
#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "viridian/spi/api.h"
#include "viridian/spi/component.h"

namespace viridian::detail {

/// A running assembly, shared by a client and its handles; stops when it is closed, or when the
/// last of them is gone. Thread-safe.
class Session {
 public:
  Session(std::unique_ptr<System> system, Api& api, std::chrono::milliseconds timeout)
      : system_(std::move(system)), api_(api), timeout_(timeout) {}
  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// use(api), unless the session is closed; close() waits for it.
  ///   failed_precondition  it is closed
  template <class Use>
  auto call(Use use) const -> decltype(use(std::declval<Api&>())) {
    const std::shared_lock lock(mutex_);
    if (closed_) {
      return Error(Code::failed_precondition,
                   "this client is closed: open the database or connect to the server again");
    }
    return use(api_);
  }
  /// Stops the assembly once no call is under way. Idempotent.
  void close() noexcept {
    const std::unique_lock lock(mutex_);
    closed_ = true;
    system_->stop();
  }

  Api& api() const noexcept { return api_; }
  System& system() const noexcept { return *system_; }
  Context context() const {
    return timeout_.count() == 0 ? Context() : Context::with_timeout(timeout_);
  }

 private:
  std::unique_ptr<System> system_;
  Api& api_;
  mutable std::shared_mutex mutex_;
  bool closed_ = false;  // guarded by mutex_
  std::chrono::milliseconds timeout_;
};

}  // namespace viridian::detail
