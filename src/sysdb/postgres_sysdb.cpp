#include "sysdb/postgres_sysdb.h"

#include <algorithm>
#include <set>

#include "sysdb/messages.h"
#include "sysdb/postgres_rows.h"
#include "viridian/base/settings.h"

namespace viridian::postgres {
namespace {

using rows::path_of;

Parameters named(std::string_view name) { return Parameters().add(name); }

Parameters paged(Parameters parameters, const Page& page) {
  parameters.add(page.limit ? std::optional<int64_t>(*page.limit) : std::nullopt);
  return parameters.add(int64_t{page.offset});
}

std::vector<CollectionId> ids_of(const Rows& found) {
  std::vector<CollectionId> ids;
  for (size_t row = 0; row < found.size(); ++row) ids.push_back(found.uuid(row, 0));
  return ids;
}

std::string select_collection(std::string_view where) {
  return std::string(rows::kSelectCollection).append(where);
}

}  // namespace

Result<std::unique_ptr<SysDb>> SysDb::create(System& system) {
  VIRIDIAN_TRY(Pool * pool, system.require<Pool>());
  // Only where collections are shared out among servers is there somebody to ask.
  if (system.settings().text("producer") != "clickhouse::Log")
    return std::make_unique<SysDb>(*pool);
  VIRIDIAN_TRY(Leases * leases, system.require<Leases>());
  return std::make_unique<SysDb>(*pool, leases);
}

std::optional<uint64_t> SysDb::held(const Context& context, const CollectionId& id) const {
  if (leases_ == nullptr) return std::nullopt;
  const auto epoch = leases_->epoch(context, id);
  return epoch.ok() ? std::optional<uint64_t>(*epoch) : std::nullopt;
}

Result<std::optional<uint64_t>> SysDb::confirm_held(const Context& context,
                                                    const CollectionId& id) const {
  if (leases_ == nullptr) return std::optional<uint64_t>();
  VIRIDIAN_TRY(const uint64_t epoch, leases_->epoch(context, id));
  // Whoever takes the slot after this finds the row locked until the change is there.
  VIRIDIAN_TRY_VOID(leases_->confirm(context, id, epoch));
  return std::optional<uint64_t>(epoch);
}

// ---- Tenants and databases

Status SysDb::create_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY(
      const Rows made,
      pool_.change(context, "INSERT INTO tenants (name) VALUES ($1) ON CONFLICT (key) DO NOTHING",
                   named(name)));
  if (made.changed() == 0) return sysdb::tenant_exists(name);
  return ok_status();
}

Result<Tenant> SysDb::get_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY(
      const Rows found,
      pool_.read(context, "SELECT resource_name FROM tenants WHERE key = sha256($1)", named(name)));
  if (found.empty()) return sysdb::tenant_missing(name);
  Tenant tenant{name, std::nullopt};
  if (!found.is_null(0, 0)) tenant.resource_name = found.bytes(0, 0);
  return tenant;
}

Status SysDb::set_tenant_resource_name(const Context& context, const std::string& name,
                                       const std::string& resource_name) {
  VIRIDIAN_TRY(const Rows changed,
               pool_.change(context, "UPDATE tenants SET resource_name = $2 WHERE key = sha256($1)",
                            named(name).add(std::string_view(resource_name))));
  if (changed.changed() == 0) return sysdb::tenant_missing(name);
  return ok_status();
}

Result<Database> SysDb::create_database(const Context& context, const DatabasePath& path) {
  const Database database{Uuid::random(), path.database, path.tenant};
  VIRIDIAN_TRY_VOID(pool_.transact(context, [&](Connection& connection) -> Status {
    VIRIDIAN_TRY(const Rows tenant,
                 connection.run(context,
                                "SELECT 1::bigint FROM tenants WHERE key = sha256($1)"
                                " FOR KEY SHARE",
                                named(path.tenant)));
    if (tenant.empty()) return sysdb::tenant_missing(path.tenant);
    VIRIDIAN_TRY(const Rows made,
                 connection.run(context,
                                "INSERT INTO databases (id, tenant, name)"
                                " VALUES ($1, sha256($2), $3) ON CONFLICT (tenant, key) DO NOTHING",
                                Parameters()
                                    .add(database.id)
                                    .add(std::string_view(path.tenant))
                                    .add(std::string_view(path.database))));
    if (made.changed() == 0) return sysdb::database_exists(path.database);
    return ok_status();
  }));
  return database;
}

Result<Database> SysDb::get_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY(
      const Rows found,
      pool_.read(context, "SELECT id FROM databases WHERE tenant = sha256($1) AND key = sha256($2)",
                 path_of(path)));
  if (found.empty()) return sysdb::database_missing(path.database);
  return Database{found.uuid(0, 0), path.database, path.tenant};
}

Result<std::vector<Database>> SysDb::list_databases(const Context& context,
                                                    const std::string& tenant, const Page& page) {
  VIRIDIAN_TRY(const Rows found,
               pool_.read(context,
                          "SELECT id, name FROM databases WHERE tenant = sha256($1)"
                          " ORDER BY name LIMIT $2 OFFSET $3",
                          paged(named(tenant), page)));
  std::vector<Database> listed;
  for (size_t row = 0; row < found.size(); ++row)
    listed.push_back({found.uuid(row, 0), found.bytes(row, 1), tenant});
  return listed;
}

Result<std::vector<CollectionId>> SysDb::delete_database(const Context& context,
                                                         const DatabasePath& path) {
  std::vector<CollectionId> removed;
  const Pool::Body remove = [&](Connection& connection) -> Status {
    // Locked so that no collection is made in it meanwhile.
    VIRIDIAN_TRY(const Rows database,
                 connection.run(context,
                                "SELECT id FROM databases WHERE tenant = sha256($1)"
                                " AND key = sha256($2) FOR UPDATE",
                                path_of(path)));
    if (database.empty()) return sysdb::database_missing(path.database);
    const Uuid id = database.uuid(0, 0);
    VIRIDIAN_TRY(const Rows deleted,
                 connection.run(context, "DELETE FROM collections WHERE database = $1 RETURNING id",
                                Parameters().add(id)));
    removed = ids_of(deleted);
    if (path.tenant == kDefaultTenant && path.database == kDefaultDatabase) return ok_status();
    VIRIDIAN_TRY_VOID(
        connection.run(context, "DELETE FROM databases WHERE id = $1", Parameters().add(id)));
    return ok_status();
  };
  VIRIDIAN_TRY_VOID(pool_.transact(context, remove));
  cache_.clear();
  std::sort(removed.begin(), removed.end());
  return removed;
}

// ---- Collections

Status SysDb::create_collection(const Context& context, const Collection& collection,
                                const std::vector<Segment>& segments) {
  const auto begun = cache_.mark();
  const std::optional<uint64_t> epoch = held(context, collection.id);
  VIRIDIAN_TRY_VOID(pool_.transact(context, [&](Connection& connection) {
    return insert(context, connection, collection, segments);
  }));
  cache_.keep(begun, collection, epoch);
  return ok_status();
}

Status SysDb::insert(const Context& context, Connection& connection, const Collection& collection,
                     const std::vector<Segment>& segments) {
  VIRIDIAN_TRY(const std::optional<Uuid> database,
               rows::lock_database(context, connection, {collection.tenant, collection.database}));
  if (!database) return sysdb::database_missing_for_create(collection.database);
  VIRIDIAN_TRY(
      const Rows taken,
      connection.run(
          context,
          "SELECT EXISTS (SELECT FROM collections WHERE database = $1"
          " AND key = sha256($2)),"
          " EXISTS (SELECT FROM collections WHERE id = $3)",
          Parameters().add(*database).add(std::string_view(collection.name)).add(collection.id)));
  if (taken.boolean(0, 0)) return sysdb::collection_exists(collection.name);
  if (taken.boolean(0, 1)) return sysdb::collection_exists(collection.id.to_string());
  std::vector<Uuid> ids;
  for (const Segment& segment : segments) ids.push_back(segment.id);
  VIRIDIAN_TRY(const Rows used,
               connection.run(context, "SELECT id FROM segments WHERE id = ANY ($1)",
                              Parameters().add(ids)));
  const std::vector<Uuid> in_use = ids_of(used);
  std::set<SegmentId> given(in_use.begin(), in_use.end());
  for (const Segment& segment : segments) {
    if (segment.collection != collection.id || !given.insert(segment.id).second)
      return sysdb::segment_misplaced(segment.id, collection.id);
  }
  VIRIDIAN_TRY_VOID(rows::insert_collection(context, connection, *database, collection));
  return rows::insert_segments(context, connection, segments);
}

Result<Collection> SysDb::get_collection(const Context& context, const DatabasePath& path,
                                         const std::string& name) {
  static const std::string kSelect = select_collection(
      "WHERE d.tenant = sha256($1) AND d.key = sha256($2) AND c.key = sha256($3)");
  VIRIDIAN_TRY(const Rows found,
               pool_.read(context, kSelect, path_of(path).add(std::string_view(name))));
  if (found.empty()) return sysdb::collection_missing(name);
  return rows::read_collection(found, 0);
}

Result<Collection> SysDb::get_collection(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::optional<uint64_t> epoch = held(context, id);
  // Whether it is certain is asked after the row was taken from memory: no change that another
  // server acknowledged before that is missing from it.
  const auto known = cache_.find(id, context.age(), std::nullopt);
  if (known != nullptr) return *known;
  const auto own = epoch ? cache_.find(id, context.age(), epoch) : nullptr;
  if (own != nullptr && leases_->certain(id, *epoch)) return *own;

  // The first read under an epoch waits for changes that the holder before began in time: they
  // hold the row's lock, and are there or refused once it is free.
  static const std::string kSelect = select_collection("WHERE c.id = $1");
  static const std::string kSelectLocked = kSelect + " FOR SHARE OF c";
  const auto begun = cache_.mark();
  VIRIDIAN_TRY(const Rows found,
               pool_.read(context, epoch ? kSelectLocked : kSelect, Parameters().add(id)));
  if (found.empty()) return sysdb::collection_missing(id);
  VIRIDIAN_TRY(Collection row, rows::read_collection(found, 0));
  cache_.keep(begun, row, epoch);
  return row;
}

Result<std::vector<Collection>> SysDb::list_collections(const Context& context,
                                                        const DatabasePath& path,
                                                        const Page& page) {
  static const std::string kSelect = select_collection(
      "WHERE d.tenant = sha256($1) AND d.key = sha256($2) ORDER BY c.id LIMIT $3 OFFSET $4");
  VIRIDIAN_TRY(const Rows found, pool_.read(context, kSelect, paged(path_of(path), page)));
  std::vector<Collection> listed;
  for (size_t row = 0; row < found.size(); ++row) {
    VIRIDIAN_TRY(Collection collection, rows::read_collection(found, row));
    listed.push_back(std::move(collection));
  }
  return listed;
}

Result<uint64_t> SysDb::count_collections(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY(const Rows found,
               pool_.read(context,
                          "SELECT count(*) FROM collections c JOIN databases d ON d.id = c.database"
                          " WHERE d.tenant = sha256($1) AND d.key = sha256($2)",
                          path_of(path)));
  return found.number(0, 0);
}

Result<Collection> SysDb::update_collection(const Context& context, const CollectionId& id,
                                            const CollectionChange& change) {
  const auto begun = cache_.begin_change(id);
  std::optional<Collection> row;
  std::optional<uint64_t> epoch;
  const Status changed = pool_.transact(context, [&](Connection& connection) -> Status {
    VIRIDIAN_TRY(row, update(context, connection, id, change, epoch));
    return ok_status();
  });
  if (!changed.ok()) row.reset();
  cache_.end_change(begun, id, row, epoch);
  if (!changed.ok()) return changed.error();
  return *std::move(row);
}

Result<Collection> SysDb::update(const Context& context, Connection& connection,
                                 const CollectionId& id, const CollectionChange& change,
                                 std::optional<uint64_t>& epoch) {
  static const std::string kSelect = select_collection("WHERE c.id = $1 FOR UPDATE OF c");
  VIRIDIAN_TRY(const Rows found, connection.run(context, kSelect, Parameters().add(id)));
  if (found.empty()) return sysdb::collection_missing(id);
  VIRIDIAN_TRY(epoch, confirm_held(context, id));
  VIRIDIAN_TRY(Collection row, rows::read_collection(found, 0));
  if (change.only_if && *change.only_if != row) return sysdb::collection_changed(id);
  if (change.name && *change.name != row.name) {
    VIRIDIAN_TRY(const Rows taken,
                 connection.run(context,
                                "SELECT 1::bigint FROM collections WHERE key = sha256($2)"
                                " AND database = (SELECT database FROM collections WHERE id = $1)",
                                Parameters().add(id).add(std::string_view(*change.name))));
    if (!taken.empty()) return sysdb::collection_exists(*change.name);
    row.name = *change.name;
  }
  if (change.metadata) row.metadata = *change.metadata;
  if (change.schema) row.schema = *change.schema;
  if (change.dimension) row.dimension = *change.dimension;
  VIRIDIAN_TRY_VOID(rows::update_collection(context, connection, row));
  return row;
}

Status SysDb::delete_collection(const Context& context, const CollectionId& id) {
  const auto begun = cache_.begin_change(id);
  Status deleted = pool_.transact(context, [&](Connection& connection) -> Status {
    VIRIDIAN_TRY(
        const Rows removed,
        connection.run(context, "DELETE FROM collections WHERE id = $1", Parameters().add(id)));
    if (removed.changed() == 0) return sysdb::collection_missing(id);
    VIRIDIAN_TRY_VOID(confirm_held(context, id));
    return ok_status();
  });
  cache_.end_change(begun, id, std::nullopt, std::nullopt);
  return deleted;
}

// ---- Segments

Result<std::vector<Segment>> SysDb::list_segments(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const Rows found, pool_.read(context, rows::kSelectSegments, Parameters().add(id)));
  if (found.empty()) return sysdb::collection_missing(id);
  return rows::read_segments(found, id);
}

Status SysDb::publish(const Context& context, const CollectionId& id,
                      const std::vector<SegmentChange>& changes) {
  return pool_.transact(context, [&](Connection& connection) -> Status {
    VIRIDIAN_TRY(const Rows locked, connection.run(context,
                                                   "SELECT 1::bigint FROM collections WHERE id = $1"
                                                   " FOR NO KEY UPDATE",
                                                   Parameters().add(id)));
    if (locked.empty()) return sysdb::collection_missing(id);
    return rows::change_segments(context, connection, id, changes);
  });
}

Result<std::vector<CollectionId>> SysDb::collections_with_garbage(const Context& context,
                                                                  int64_t before) {
  VIRIDIAN_TRY(const Rows found,
               pool_.read(context,
                          "SELECT DISTINCT collection FROM segments WHERE garbage_since <> 0"
                          " AND garbage_since <= $1 ORDER BY collection",
                          Parameters().add(before)));
  return ids_of(found);
}

Result<std::vector<CollectionId>> SysDb::all_collections(const Context& context) {
  VIRIDIAN_TRY(const Rows found, pool_.read(context, "SELECT id FROM collections ORDER BY id"));
  std::vector<CollectionId> ids = ids_of(found);
  // What another server deleted without this one hearing of it must not be answered from here for
  // as long as this one holds the slot. Whatever was kept meanwhile is read again.
  cache_.keep_only(ids);
  return ids;
}

Status SysDb::reset(const Context& context) {
  Status done = pool_.transact(context, [&](Connection& connection) -> Status {
    // Nothing is made in what is about to go.
    VIRIDIAN_TRY_VOID(
        connection.execute(context,
                           "LOCK TABLE tenants, databases, collections IN EXCLUSIVE MODE;"
                           " DELETE FROM collections; DELETE FROM databases; DELETE FROM tenants"));
    VIRIDIAN_TRY_VOID(
        connection.run(context, "INSERT INTO tenants (name) VALUES ($1)", named(kDefaultTenant)));
    VIRIDIAN_TRY_VOID(connection.run(
        context, "INSERT INTO databases (id, tenant, name) VALUES ($1, sha256($2), $3)",
        Parameters()
            .add(Uuid())
            .add(std::string_view(kDefaultTenant))
            .add(std::string_view(kDefaultDatabase))));
    return ok_status();
  });
  cache_.clear();
  return done;
}

}  // namespace viridian::postgres
