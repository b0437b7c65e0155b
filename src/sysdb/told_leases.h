#pragma once
#include <atomic>
#include <functional>
#include <vector>

#include "viridian/spi/leases.h"

namespace viridian {

/// Says what it is told to.
class ToldLeases final : public viridian::Leases {
 public:
  std::atomic<uint64_t> held{0};  ///< 0: not this server's
  std::atomic<bool> sure{true};
  std::function<void()> on_confirm = [] {};

  Result<Holder> holder(const Context&, const CollectionId&) override {
    return Error(Code::unavailable, "nobody");
  }
  Result<uint64_t> epoch(const Context&, const CollectionId&) override {
    if (held == 0) return Error(Code::aborted, "not this server's");
    return held.load();
  }
  Status confirm(const Context&, const CollectionId&, uint64_t epoch) override {
    if (epoch != held) return Error(Code::aborted, "not this server's");
    on_confirm();
    return ok_status();
  }
  bool certain(const CollectionId&, uint64_t epoch) const noexcept override {
    return sure && epoch == held;
  }
  std::vector<ServerInfo> servers() const override { return {}; }
  Status renew(const Context&, const CollectionId&, uint64_t) override { return ok_status(); }
  Status take(const Context&, uint32_t) override { return ok_status(); }
};

}  // namespace viridian
