#include "sysdb/clickhouse_sysdb.h"

#include <utility>

namespace viridian::clickhouse {

Result<std::unique_ptr<SysDb>> SysDb::create(System& system) {
  VIRIDIAN_TRY(Client * client, system.require<Client>());
  VIRIDIAN_TRY(viridian::Leases * leases, system.require<viridian::Leases>());
  return std::make_unique<SysDb>(*client, leases, Options());
}

SysDb::SysDb(Client& client, viridian::Leases* leases, const Options& options)
    : catalogue_(client, options.snapshot_every), leases_(leases) {}

Status SysDb::start(const Context& context) { return catalogue_.open(context); }

// ---- Reads

bool SysDb::young_enough(const Context& context) const {
  const std::chrono::milliseconds age = context.age();
  if (age == Context::kAnyAge) return true;
  const auto known_for = std::chrono::steady_clock::now() - catalogue_.as_of();
  return std::chrono::duration_cast<std::chrono::milliseconds>(known_for) < age;
}

template <class Look>
std::invoke_result_t<const Look&, const SysDb::State&> SysDb::read(const Context& context,
                                                                   const Look& look) {
  VIRIDIAN_TRY_VOID(context.check());
  if (!young_enough(context)) VIRIDIAN_TRY_VOID(catalogue_.follow(context));
  return catalogue_.read(look);
}

Result<Tenant> SysDb::get_tenant(const Context& context, const std::string& name) {
  return read(context, [&](const State& state) { return state.get_tenant(name); });
}

Result<Database> SysDb::get_database(const Context& context, const DatabasePath& path) {
  return read(context, [&](const State& state) { return state.get_database(path); });
}

Result<std::vector<Database>> SysDb::list_databases(const Context& context,
                                                    const std::string& tenant, const Page& page) {
  return read(context, [&](const State& state) -> Result<std::vector<Database>> {
    return state.list_databases(tenant, page);
  });
}

Result<Collection> SysDb::get_collection(const Context& context, const DatabasePath& path,
                                         const std::string& name) {
  return read(context, [&](const State& state) { return state.get_collection(path, name); });
}

Result<std::vector<Collection>> SysDb::list_collections(const Context& context,
                                                        const DatabasePath& path,
                                                        const Page& page) {
  return read(context, [&](const State& state) -> Result<std::vector<Collection>> {
    return state.list_collections(path, page);
  });
}

Result<uint64_t> SysDb::count_collections(const Context& context, const DatabasePath& path) {
  return read(context, [&](const State& state) -> Result<uint64_t> {
    return state.count_collections(path);
  });
}

Result<std::vector<Segment>> SysDb::list_segments(const Context& context, const CollectionId& id) {
  return read(context, [&](const State& state) { return state.list_segments(id); });
}

Result<std::vector<CollectionId>> SysDb::collections_with_garbage(const Context& context,
                                                                  int64_t before) {
  return read(context, [&](const State& state) -> Result<std::vector<CollectionId>> {
    return state.collections_with_garbage(before);
  });
}

Result<std::vector<CollectionId>> SysDb::all_collections(const Context& context) {
  return read(context, [&](const State& state) -> Result<std::vector<CollectionId>> {
    return state.all_collections();
  });
}

// ---- The collections of this server's slots

Result<Collection> SysDb::get_collection(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY_VOID(context.check());
  if (!young_enough(context)) {
    if (auto own = own_collection(context, id)) return *std::move(own);
  }
  return read(context, [&](const State& state) { return state.get_collection(id); });
}

bool SysDb::fenced(const CollectionId& id, uint64_t epoch) const {
  return fenced_[slot_of(id)] == epoch && !catalogue_.in_doubt();
}

std::optional<Collection> SysDb::own_collection(const Context& context, const CollectionId& id) {
  if (leases_ == nullptr) return std::nullopt;
  const auto epoch = leases_->epoch(context, id);
  if (!epoch.ok()) return std::nullopt;
  if (!fenced(id, *epoch) && !fence(context, id, *epoch).ok()) return std::nullopt;
  if (!catalogue_.settled()) return std::nullopt;
  auto row = catalogue_.read([&](const State& state) { return state.get_collection(id); });
  // Whether the slot is certain is asked after the row was read: no change by another holder is
  // older than that answer. A row that is not here may have been made elsewhere.
  if (!row.ok() || !leases_->certain(id, *epoch)) return std::nullopt;
  return *std::move(row);
}

/// A holder before this one may have been permitted a change that has not taken effect yet. After
/// an empty change of this one, it cannot any more: it builds upon an older version, and on its
/// next attempt it is told that it is the holder no more.
Status SysDb::fence(const Context& context, const CollectionId& id, uint64_t epoch) {
  const std::lock_guard lock(fence_mutex_);
  if (fenced(id, epoch)) return ok_status();
  std::array<uint64_t, kSlots> held{};
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    CollectionId any;
    any.bytes.back() = static_cast<uint8_t>(slot);
    if (const auto known = leases_->epoch(context, any); known.ok()) held[slot] = *known;
  }
  VIRIDIAN_TRY_VOID(catalogue_.change(context, [](const State&) { return Change(); }));
  for (uint32_t slot = 0; slot < kSlots; ++slot)
    if (held[slot] != 0) fenced_[slot] = held[slot];
  return ok_status();
}

Catalogue::Permit SysDb::holder_only(const CollectionId& id) const {
  if (leases_ == nullptr) return {};
  return [leases = leases_, id](const Context& context) -> Status {
    VIRIDIAN_TRY(const uint64_t epoch, leases->epoch(context, id));
    return leases->confirm(context, id, epoch);
  };
}

// ---- Changes

Status SysDb::create_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(
      catalogue_.change(context, [&](const State& state) { return state.create_tenant(name); }));
  return ok_status();
}

Status SysDb::set_tenant_resource_name(const Context& context, const std::string& name,
                                       const std::string& resource_name) {
  VIRIDIAN_TRY_VOID(catalogue_.change(context, [&](const State& state) {
    return state.set_tenant_resource_name(name, resource_name);
  }));
  return ok_status();
}

Result<Database> SysDb::create_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY(Change changed, catalogue_.change(context, [&](const State& state) {
    return state.create_database(path);
  }));
  return std::move(changed.databases.front());
}

Result<std::vector<CollectionId>> SysDb::delete_database(const Context& context,
                                                         const DatabasePath& path) {
  VIRIDIAN_TRY(Change changed, catalogue_.change(context, [&](const State& state) {
    return state.delete_database(path);
  }));
  return std::move(changed.removed_collections);
}

Status SysDb::create_collection(const Context& context, const Collection& collection,
                                const std::vector<Segment>& segments) {
  VIRIDIAN_TRY_VOID(catalogue_.change(
      context, [&](const State& state) { return state.create_collection(collection, segments); }));
  return ok_status();
}

Result<Collection> SysDb::update_collection(const Context& context, const CollectionId& id,
                                            const CollectionChange& wanted) {
  VIRIDIAN_TRY(Change changed,
               catalogue_.change(
                   context, [&](const State& state) { return state.update_collection(id, wanted); },
                   holder_only(id)));
  return std::move(changed.collections.front().collection);
}

Status SysDb::delete_collection(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY_VOID(catalogue_.change(
      context, [&](const State& state) { return state.delete_collection(id); }, holder_only(id)));
  return ok_status();
}

Status SysDb::publish(const Context& context, const CollectionId& id,
                      const std::vector<SegmentChange>& changes) {
  VIRIDIAN_TRY_VOID(
      catalogue_.change(context, [&](const State& state) { return state.publish(id, changes); }));
  return ok_status();
}

Status SysDb::reset(const Context& context) {
  VIRIDIAN_TRY_VOID(catalogue_.change(context, [](const State&) { return State::reset(); }));
  return ok_status();
}

}  // namespace viridian::clickhouse
