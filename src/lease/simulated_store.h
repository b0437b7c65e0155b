#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "lease/lease_store.h"
#include "viridian/spi/leases.h"

/// A store of leases in memory, for tests of the keeper.
namespace viridian {

inline CollectionId in_slot(uint32_t slot) {
  CollectionId id;
  id.bytes.back() = static_cast<uint8_t>(slot);
  return id;
}

class MemoryLeases {
 public:
  MemoryLeases() {
    for (uint32_t slot = 0; slot < kSlots; ++slot) leases_.push_back({slot, 0, ""});
  }
  void beat(const LeaseStore::Server& server) { servers_[server.id] = server; }
  LeaseStore::State read() const {
    LeaseStore::State state;
    for (const auto& [id, server] : servers_) state.servers.push_back(server);
    state.leases = leases_;
    return state;
  }
  std::vector<uint32_t> take(const std::string& server,
                             const std::vector<LeaseStore::Lease>& seen) {
    std::vector<uint32_t> taken;
    for (const LeaseStore::Lease& lease : seen) {
      if (leases_.at(lease.slot) != lease) continue;
      leases_[lease.slot] = {lease.slot, lease.epoch + 1, server};
      taken.push_back(lease.slot);
    }
    return taken;
  }
  void release(const std::vector<LeaseStore::Lease>& held) {
    for (const LeaseStore::Lease& lease : held)
      if (leases_.at(lease.slot) == lease) leases_[lease.slot].server.clear();
  }
  void leave(const std::string& server) { servers_.erase(server); }
  void forget(const LeaseStore::Server& seen) {
    const auto found = servers_.find(seen.id);
    if (found != servers_.end() && found->second.beat == seen.beat) servers_.erase(found);
  }

 private:
  std::map<std::string, LeaseStore::Server> servers_;
  std::vector<LeaseStore::Lease> leases_;
};

/// One server's way to the leases. `call` runs each piece of work, when and how often it likes, and
/// says what becomes of the answer.
class SimulatedStore : public LeaseStore {
 public:
  using Call = std::function<Status(std::function<void(MemoryLeases&)> work)>;
  explicit SimulatedStore(Call call) : call_(std::move(call)) {}

  Status open(const Context&) override { return ok_status(); }
  Status beat(const Context&, const Server& server) override {
    return call_([server](MemoryLeases& leases) { leases.beat(server); });
  }
  /// Servers and leases at two moments.
  Result<State> read(const Context&) override {
    const auto state = std::make_shared<State>();
    VIRIDIAN_TRY_VOID(
        call_([state](MemoryLeases& leases) { state->servers = leases.read().servers; }));
    VIRIDIAN_TRY_VOID(
        call_([state](MemoryLeases& leases) { state->leases = leases.read().leases; }));
    return *state;
  }
  Result<Lease> read_lease(const Context&, uint32_t slot) override {
    const auto lease = std::make_shared<Lease>();
    VIRIDIAN_TRY_VOID(
        call_([lease, slot](MemoryLeases& leases) { *lease = leases.read().leases.at(slot); }));
    return *lease;
  }
  Result<std::vector<uint32_t>> take(const Context&, const std::string& server,
                                     std::span<const Lease> seen) override {
    const auto taken = std::make_shared<std::vector<uint32_t>>();
    VIRIDIAN_TRY_VOID(call_([=, wanted = std::vector(seen.begin(), seen.end())](
                                MemoryLeases& leases) { *taken = leases.take(server, wanted); }));
    return *taken;
  }
  Status release(const Context&, std::span<const Lease> held) override {
    return call_([given = std::vector(held.begin(), held.end())](MemoryLeases& leases) {
      leases.release(given);
    });
  }
  Status leave(const Context&, const std::string& server) override {
    return call_([server](MemoryLeases& leases) { leases.leave(server); });
  }
  Status forget(const Context&, const Server& seen) override {
    return call_([seen](MemoryLeases& leases) { leases.forget(seen); });
  }

 private:
  Call call_;
};

}  // namespace viridian
