#include "lease/clickhouse_leases.h"

#include <fmt/format.h>

#include <atomic>
#include <utility>
#include <vector>

#include "clickhouse/literal.h"
#include "clickhouse/named_values.h"
#include "obs/log.h"

namespace viridian::clickhouse {
namespace {

constexpr Node kNode{0, 0};
constexpr const char* kKind = "lease";
/// In place of a beat: the server is gone, whatever comes later.
constexpr uint64_t kGone = UINT64_MAX;
/// Own old beats are removed after so many.
constexpr uint64_t kTrimEvery = 500;
/// Beats of servers that are gone are removed by the day. What a server that lives has sent last is
/// younger.
constexpr int64_t kKeepSeconds = 2 * 86400;

std::string key_of(uint32_t slot) { return fmt::format("{}_{}", kKind, slot); }

std::vector<std::string> keys() {
  std::vector<std::string> all;
  for (uint32_t slot = 0; slot < kSlots; ++slot) all.push_back(key_of(slot));
  return all;
}

class Store final : public LeaseStore {
 public:
  explicit Store(Client& client) : client_(client), leases_(client, kKind, keys()) {}

  Status open(const Context& context) override {
    return leases_.open(context, [this](const Context& asking) { return first_epoch(asking); });
  }

  Status beat(const Context& context, const Server& server) override {
    VIRIDIAN_TRY_VOID(insert(context, server));
    // The first one too: it comes after a start.
    if (beats_++ % kTrimEvery == 0) {
      const Status trimmed = trim(context, server);
      if (!trimmed.ok())
        obs::log(obs::Level::warn, "lease", "old signs of life could not be removed",
                 {{"error", trimmed.error().message()}});
    }
    return ok_status();
  }

  Result<State> read(const Context& context) override {
    State state;
    VIRIDIAN_TRY(
        const Block block,
        client_.select(context, kNode,
                       fmt::format("SELECT server, max(beat) AS last, argMax(url, beat) AS place "
                                   "FROM {}.servers GROUP BY server",
                                   client_.database()),
                       {{"server", StringColumn()},
                        {"last", std::vector<uint64_t>()},
                        {"place", StringColumn()}}));
    for (size_t i = 0; i < block.rows(); ++i) {
      const uint64_t beat = block.get<std::vector<uint64_t>>(1)[i];
      if (beat != kGone)
        state.servers.push_back({std::string(block.get<StringColumn>(0)[i]),
                                 std::string(block.get<StringColumn>(2)[i]), beat});
    }
    VIRIDIAN_TRY(const NamedValues::Values values, leases_.read(context));
    for (uint32_t slot = 0; slot < kSlots; ++slot) state.leases.push_back(lease_in(values, slot));
    return state;
  }

  Result<Lease> read_lease(const Context& context, uint32_t slot) override {
    VIRIDIAN_TRY(const NamedValues::Values values, leases_.read(context));
    return lease_in(values, slot);
  }

  Result<std::vector<uint32_t>> take(const Context& context, const std::string& server,
                                     std::span<const Lease> seen) override {
    std::vector<NamedValues::Swap> swaps;
    for (const Lease& lease : seen)
      swaps.push_back({key_of(lease.slot), {lease.epoch, lease.server}, {lease.epoch + 1, server}});
    VIRIDIAN_TRY(const NamedValues::Values values, leases_.swap(context, swaps));
    std::vector<uint32_t> taken;
    for (size_t i = 0; i < swaps.size(); ++i)
      if (values.at(swaps[i].key) == swaps[i].to) taken.push_back(seen[i].slot);
    return taken;
  }

  Status release(const Context& context, std::span<const Lease> held) override {
    std::vector<NamedValues::Swap> swaps;
    for (const Lease& lease : held)
      swaps.push_back({key_of(lease.slot), {lease.epoch, lease.server}, {lease.epoch, ""}});
    VIRIDIAN_TRY_VOID(leases_.swap(context, swaps));
    return ok_status();
  }

  Status leave(const Context& context, const std::string& server) override {
    return insert(context, {server, "", kGone});
  }

  /// Old beats go by themselves: trim().
  Status forget(const Context&, const Server&) override { return ok_status(); }

 private:
  static Lease lease_in(const NamedValues::Values& values, uint32_t slot) {
    const NamedValues::Value& value = values.at(key_of(slot));
    return {slot, value.version, value.text};
  }

  /// Beyond all epochs of the log: after a restore there may be records, but no leases.
  Result<uint64_t> first_epoch(const Context& context) {
    VIRIDIAN_TRY(
        const Block newest,
        client_.select(context, kNode,
                       fmt::format("SELECT count() AS n, max(epoch) AS e FROM {}.record_log",
                                   client_.database()),
                       {{"n", std::vector<uint64_t>()}, {"e", std::vector<uint64_t>()}}));
    if (newest.rows() != 1 || newest.get<std::vector<uint64_t>>(0).front() == 0) return uint64_t{0};
    return newest.get<std::vector<uint64_t>>(1).front() + 1;
  }

  /// The time is ClickHouse's, so that there is one clock that says what is old.
  Status insert(const Context& context, const Server& server) {
    return client_.execute(
        context, kNode,
        fmt::format("INSERT INTO {}.servers (server, beat, url, ts) SELECT {}, toUInt64({}), {}, "
                    "now()",
                    client_.database(), literal(server.id), server.beat, literal(server.url)));
  }

  Status trim(const Context& context, const Server& server) {
    VIRIDIAN_TRY(
        const Block days,
        client_.select(context, kNode,
                       fmt::format("SELECT toUInt32(toYYYYMMDD(ts)) AS day FROM {}.servers GROUP "
                                   "BY day HAVING day < toYYYYMMDD(now() - {})",
                                   client_.database(), kKeepSeconds),
                       {{"day", std::vector<uint32_t>()}}));
    for (const uint32_t day : days.get<std::vector<uint32_t>>(0))
      VIRIDIAN_TRY_VOID(client_.execute(
          context, kNode,
          fmt::format("ALTER TABLE {}.servers DROP PARTITION {}", client_.database(), day)));
    if (server.beat <= kTrimEvery / 2) return ok_status();
    return client_.execute(
        context, kNode,
        fmt::format("ALTER TABLE {}.servers DELETE WHERE server = {} AND beat < {}",
                    client_.database(), literal(server.id), server.beat));
  }

  Client& client_;
  NamedValues leases_;
  std::atomic<uint64_t> beats_{0};
};

}  // namespace

std::unique_ptr<LeaseStore> Leases::make_store(Client& client) {
  return std::make_unique<Store>(client);
}

std::string Leases::fitting(const std::string& id) {
  constexpr size_t kEnd = 9;  // what unique_server_id() appends
  if (encode_name(id).size() <= NamedValues::kLongestText || id.size() <= kEnd) return id;
  const std::string end = id.substr(id.size() - kEnd);
  std::string begin = id.substr(0, id.size() - kEnd);
  while (encode_name(begin + end).size() > NamedValues::kLongestText) begin.pop_back();
  // Not amid a letter.
  while (!begin.empty() && (static_cast<unsigned char>(begin.back()) & 0xC0) == 0x80)
    begin.pop_back();
  if (!begin.empty() && static_cast<unsigned char>(begin.back()) >= 0xC0) begin.pop_back();
  return begin + end;
}

Result<std::unique_ptr<Leases>> Leases::create(System& system) {
  VIRIDIAN_TRY(Client * client, system.require<Client>());
  Options options = options_of(system.settings());
  options.id = fitting(options.id);
  return std::make_unique<Leases>(*client, std::move(options));
}

Leases::Leases(Client& client, Options options)
    : LeaseKeeper(make_store(client), std::move(options)) {}

}  // namespace viridian::clickhouse
