#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "viridian/spi/leases.h"

namespace viridian::conformance {

/// The table of leases that the owners of a test share: one slot for all collections, whose epoch
/// grows with every take.
struct SharedLease {
  std::atomic<uint64_t> epoch{0};
};

/// The leases of one owner. It holds everything from its last take() on until another owner takes
/// it; until then, or until a frozen one looks again, it believes that it does.
class SingleLeases final : public Leases {
 public:
  /// Holds everything at once, or nothing.
  explicit SingleLeases(std::shared_ptr<SharedLease> shared = std::make_shared<SharedLease>(),
                        bool holds = true, std::string name = "self")
      : shared_(std::move(shared)), name_(std::move(name)) {
    if (holds) take();
  }

  uint64_t take() { return own_ = ++shared_->epoch; }
  /// As if the last heartbeat were long ago.
  void set_certain(bool certain) { certain_ = certain; }

  Result<Holder> holder(const Context&, const CollectionId&) override {
    return Holder{holds() ? name_ : "another", "", holds()};
  }
  Result<uint64_t> epoch(const Context&, const CollectionId&) override {
    if (own_ == 0) return Error(Code::aborted, "no lease is held");
    return own_.load();
  }
  Status confirm(const Context&, const CollectionId&, uint64_t epoch) override {
    if (shared_->epoch == epoch) return ok_status();
    return Error(Code::aborted, "the lease is another owner's");
  }
  Result<uint64_t> newest_epoch(const Context&, const CollectionId&) override {
    return shared_->epoch.load();
  }
  bool certain(const CollectionId&, uint64_t epoch) const noexcept override {
    return certain_ && shared_->epoch == epoch;
  }
  std::vector<ServerInfo> servers() const override { return {}; }
  Status renew(const Context&, const CollectionId&, uint64_t epoch) override {
    uint64_t seen = epoch;
    if (own_ != epoch || !shared_->epoch.compare_exchange_strong(seen, epoch + 1))
      return Error(Code::aborted, "the lease is another owner's");
    own_ = epoch + 1;
    return ok_status();
  }
  Status take(const Context&, uint32_t) override {
    if (!holds()) take();
    return ok_status();
  }

 private:
  bool holds() const { return own_ == shared_->epoch; }

  std::shared_ptr<SharedLease> shared_;
  std::string name_;
  std::atomic<uint64_t> own_{0};
  std::atomic<bool> certain_{true};
};

}  // namespace viridian::conformance
