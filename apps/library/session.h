#pragma once
#include <chrono>
#include <memory>
#include <utility>

#include "viridian/spi/api.h"
#include "viridian/spi/component.h"

namespace viridian::detail {

/// A running assembly, shared by a client and its handles; stops when the last of them is gone.
class Session {
 public:
  Session(std::unique_ptr<System> system, Api& api, std::chrono::milliseconds timeout)
      : system_(std::move(system)), api_(api), timeout_(timeout) {}
  ~Session() { system_->stop(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Api& api() const noexcept { return api_; }
  System& system() const noexcept { return *system_; }
  Context context() const {
    return timeout_.count() == 0 ? Context() : Context::with_timeout(timeout_);
  }

 private:
  std::unique_ptr<System> system_;
  Api& api_;
  std::chrono::milliseconds timeout_;
};

}  // namespace viridian::detail
