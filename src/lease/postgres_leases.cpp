#include "lease/postgres_leases.h"

#include <utility>

namespace viridian::postgres {
namespace {

constexpr size_t kConnections = 4;

class Store final : public LeaseStore {
 public:
  explicit Store(Pool::Options options) : pool_(std::move(options)) {}

  Status open(const Context& context) override {
    VIRIDIAN_TRY_VOID(pool_.start(context));
    VIRIDIAN_TRY_VOID(read(context));
    return ok_status();
  }

  Status beat(const Context& context, const Server& server) override {
    VIRIDIAN_TRY_VOID(pool_.change(
        context,
        "INSERT INTO servers (id, url, beat) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE"
        " SET url = excluded.url, beat = greatest(servers.beat, excluded.beat)",
        Parameters()
            .add(std::string_view(server.id))
            .add(std::string_view(server.url))
            .add(server.beat)));
    return ok_status();
  }

  Result<State> read(const Context& context) override {
    State state;
    VIRIDIAN_TRY(const Rows servers, pool_.read(context, "SELECT id, url, beat FROM servers"));
    for (size_t row = 0; row < servers.size(); ++row)
      state.servers.push_back(
          {servers.bytes(row, 0), servers.bytes(row, 1), servers.number(row, 2)});
    VIRIDIAN_TRY(const Rows leases,
                 pool_.read(context, "SELECT slot, epoch, server FROM leases ORDER BY slot"));
    for (size_t row = 0; row < leases.size(); ++row) state.leases.push_back(lease_of(leases, row));
    return state;
  }

  Result<Lease> read_lease(const Context& context, uint32_t slot) override {
    VIRIDIAN_TRY(const Rows found,
                 pool_.read(context, "SELECT slot, epoch, server FROM leases WHERE slot = $1",
                            Parameters().add(int64_t{slot})));
    if (found.empty())
      return Error(Code::data_loss,
                   "PostgreSQL: the table leases lacks slot " + std::to_string(slot));
    return lease_of(found, 0);
  }

  Result<std::vector<uint32_t>> take(const Context& context, const std::string& server,
                                     std::span<const Lease> seen) override {
    VIRIDIAN_TRY(
        const Rows taken,
        pool_.change(context,
                     "UPDATE leases l SET epoch = l.epoch + 1, server = $1"
                     " FROM unnest($2, $3, $4) AS seen (slot, epoch, server) WHERE"
                     " l.slot = seen.slot AND l.epoch = seen.epoch AND l.server = seen.server"
                     " RETURNING l.slot",
                     columns(Parameters().add(std::string_view(server)), seen)));
    std::vector<uint32_t> slots;
    for (size_t row = 0; row < taken.size(); ++row)
      slots.push_back(static_cast<uint32_t>(taken.integer(row, 0)));
    return slots;
  }

  Status release(const Context& context, std::span<const Lease> held) override {
    VIRIDIAN_TRY_VOID(
        pool_.change(context,
                     "UPDATE leases l SET server = ''"
                     " FROM unnest($1, $2, $3) AS held (slot, epoch, server) WHERE"
                     " l.slot = held.slot AND l.epoch = held.epoch AND l.server = held.server",
                     columns(Parameters(), held)));
    return ok_status();
  }

  Status leave(const Context& context, const std::string& server) override {
    VIRIDIAN_TRY_VOID(pool_.change(context, "DELETE FROM servers WHERE id = $1",
                                   Parameters().add(std::string_view(server))));
    return ok_status();
  }

  Status forget(const Context& context, const Server& seen) override {
    VIRIDIAN_TRY_VOID(pool_.change(context, "DELETE FROM servers WHERE id = $1 AND beat = $2",
                                   Parameters().add(std::string_view(seen.id)).add(seen.beat)));
    return ok_status();
  }

 private:
  static Lease lease_of(const Rows& rows, size_t row) {
    return {static_cast<uint32_t>(rows.integer(row, 0)), rows.number(row, 1), rows.bytes(row, 2)};
  }
  static Parameters columns(Parameters parameters, std::span<const Lease> leases) {
    std::vector<uint64_t> slots, epochs;
    std::vector<std::string> servers;
    for (const Lease& lease : leases) {
      slots.push_back(lease.slot);
      epochs.push_back(lease.epoch);
      servers.push_back(lease.server);
    }
    return parameters.add(slots).add(epochs).add(servers);
  }

  Pool pool_;
};

}  // namespace

Result<std::unique_ptr<Leases>> Leases::create(System& system) {
  VIRIDIAN_TRY(Pool * pool, system.require<Pool>());
  return std::make_unique<Leases>(*pool, options_of(system.settings()));
}

Leases::Leases(const Pool& pool, Options options)
    : LeaseKeeper(make_store(pool), std::move(options)) {}

std::unique_ptr<LeaseStore> Leases::make_store(const Pool& pool) {
  // The tables are the pool's to bring up to date.
  return std::make_unique<Store>(
      Pool::Options{pool.options().address, kConnections, MigrationMode::none});
}

}  // namespace viridian::postgres
