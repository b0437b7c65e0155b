#include <algorithm>

#include "sysdb/messages.h"
#include "sysdb/sqlite_session.h"

namespace viridian::sqlite {
namespace {

int64_t limit_of(const Page& page) { return page.limit ? int64_t{*page.limit} : -1; }

bool is_default(const DatabasePath& path) {
  return path.tenant == kDefaultTenant && path.database == kDefaultDatabase;
}

/// `status`, but a taken name or id is reported as `taken`.
Status or_taken(Status status, const Error& taken) {
  if (!status.ok() && status.error().code() == Code::already_exists) return taken;
  return status;
}

Result<bool> tenant_exists(sql::Database& database, const std::string& name) {
  VIRIDIAN_TRY(sql::Statement select, database.prepare("SELECT 1 FROM tenants WHERE name = ?"));
  return select.bind(name).step();
}

}  // namespace

// ---- Tenants

Status SysDb::create_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY(Change edit, begin_change(context));
  VIRIDIAN_TRY(sql::Statement insert, edit->prepare("INSERT INTO tenants(name) VALUES (?)"));
  VIRIDIAN_TRY_VOID(or_taken(insert.bind(name).run(), sysdb::tenant_exists(name)));
  edit.databases_changed();
  return edit.commit();
}

Result<Tenant> SysDb::get_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(sql::Statement select,
               session->prepare("SELECT resource_name FROM tenants WHERE name = ?"));
  VIRIDIAN_TRY(const bool row, select.bind(name).step());
  if (!row) return sysdb::tenant_missing(name);
  return Tenant{name, select.optional_text(0)};
}

Status SysDb::set_tenant_resource_name(const Context& context, const std::string& name,
                                       const std::string& resource_name) {
  VIRIDIAN_TRY(Change edit, begin_change(context));
  VIRIDIAN_TRY(sql::Statement update,
               edit->prepare("UPDATE tenants SET resource_name = ? WHERE name = ?"));
  VIRIDIAN_TRY_VOID(update.bind(resource_name).bind(name).run());
  if (edit->changes() == 0) return sysdb::tenant_missing(name);
  edit.databases_changed();
  return edit.commit();
}

// ---- Databases

Result<Database> SysDb::create_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY(Change edit, begin_change(context));
  VIRIDIAN_TRY(const bool tenant, tenant_exists(*edit, path.tenant));
  if (!tenant) return sysdb::tenant_missing(path.tenant);
  const Database database{Uuid::random(), path.database, path.tenant};
  VIRIDIAN_TRY(sql::Statement insert,
               edit->prepare("INSERT INTO databases(id, tenant, name) VALUES (?, ?, ?)"));
  insert.bind(rows::blob_of(database.id)).bind(path.tenant).bind(path.database);
  VIRIDIAN_TRY_VOID(or_taken(insert.run(), sysdb::database_exists(path.database)));
  edit.databases_changed();
  VIRIDIAN_TRY_VOID(edit.commit());
  return database;
}

Result<Database> SysDb::get_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(const std::optional<Uuid> id, rows::find_database(*session, path));
  if (!id) return sysdb::database_missing(path.database);
  return Database{*id, path.database, path.tenant};
}

Result<std::vector<Database>> SysDb::list_databases(const Context& context,
                                                    const std::string& tenant, const Page& page) {
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(sql::Statement select,
               session->prepare("SELECT id, name FROM databases WHERE tenant = ? ORDER BY name"
                                " LIMIT ? OFFSET ?"));
  select.bind(tenant).bind(limit_of(page)).bind(int64_t{page.offset});
  std::vector<Database> listed;
  while (true) {
    VIRIDIAN_TRY(const bool row, select.step());
    if (!row) return listed;
    VIRIDIAN_TRY(const Uuid id, rows::uuid_of(select, 0));
    listed.push_back({id, select.text(1), tenant});
  }
}

Result<std::vector<CollectionId>> SysDb::delete_database(const Context& context,
                                                         const DatabasePath& path) {
  return with_spare_room([&] { return remove_database(context, path); });
}

Result<std::vector<CollectionId>> SysDb::remove_database(const Context& context,
                                                         const DatabasePath& path) {
  VIRIDIAN_TRY(Change edit, begin_change(context));
  VIRIDIAN_TRY(const std::optional<Uuid> id, rows::find_database(*edit, path));
  if (!id) return sysdb::database_missing(path.database);
  VIRIDIAN_TRY(sql::Statement select,
               edit->prepare("SELECT id FROM collections WHERE database = ? ORDER BY id"));
  VIRIDIAN_TRY(std::vector<CollectionId> removed, rows::read_ids(select.bind(rows::blob_of(*id))));
  VIRIDIAN_TRY(sql::Statement collections,
               edit->prepare("DELETE FROM collections WHERE database = ?"));
  VIRIDIAN_TRY_VOID(collections.bind(rows::blob_of(*id)).run());
  if (!is_default(path)) {
    VIRIDIAN_TRY(sql::Statement remove, edit->prepare("DELETE FROM databases WHERE id = ?"));
    VIRIDIAN_TRY_VOID(remove.bind(rows::blob_of(*id)).run());
  }
  for (const CollectionId& collection : removed) edit.collection_changed(collection);
  edit.databases_changed();
  edit.purges();
  VIRIDIAN_TRY_VOID(edit.commit());
  return removed;
}

// ---- Collections

Status SysDb::create_collection(const Context& context, const Collection& collection,
                                const std::vector<Segment>& segments) {
  VIRIDIAN_TRY(Change edit, begin_change(context));
  VIRIDIAN_TRY(const std::optional<Uuid> database,
               rows::find_database(*edit, {collection.tenant, collection.database}));
  if (!database) return sysdb::database_missing_for_create(collection.database);
  VIRIDIAN_TRY(const bool id_taken, rows::collection_exists(*edit, collection.id));
  // The name first: it is what a client can have chosen twice.
  Status inserted = rows::insert_collection(*edit, *database, collection);
  if (!inserted.ok() && inserted.error().code() == Code::already_exists) {
    VIRIDIAN_TRY(sql::Statement named,
                 edit->prepare("SELECT 1 FROM collections WHERE database = ? AND name = ?"));
    named.bind(rows::blob_of(*database)).bind(collection.name);
    VIRIDIAN_TRY(const bool name_taken, named.step());
    return sysdb::collection_exists(id_taken && !name_taken ? collection.id.to_string()
                                                            : collection.name);
  }
  VIRIDIAN_TRY_VOID(std::move(inserted));
  for (size_t i = 0; i < segments.size(); ++i) {
    const Error misplaced = sysdb::segment_misplaced(segments[i].id, collection.id);
    if (segments[i].collection != collection.id) return misplaced;
    VIRIDIAN_TRY_VOID(or_taken(rows::insert_segment(*edit, segments[i], i), misplaced));
  }
  edit.collection_changed(collection.id);
  return edit.commit();
}

Result<Collection> SysDb::get_collection(const Context& context, const DatabasePath& path,
                                         const std::string& name) {
  static const std::string kSelect =
      std::string(rows::kSelectCollection) + "WHERE d.tenant = ? AND d.name = ? AND c.name = ?";
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(sql::Statement select, session->prepare(kSelect));
  VIRIDIAN_TRY(const bool row, select.bind(path.tenant).bind(path.database).bind(name).step());
  if (!row) return sysdb::collection_missing(name);
  return rows::read_collection(select);
}

Result<Collection> SysDb::get_collection(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY_VOID(context.check());
  if (!options_.read_only)
    if (const SharedCollection known = cached(id)) return *known;
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(std::optional<Collection> collection, rows::find_collection(*session, id));
  if (!collection) return sysdb::collection_missing(id);
  if (!options_.read_only) remember(*collection);
  return *std::move(collection);
}

Result<std::vector<Collection>> SysDb::list_collections(const Context& context,
                                                        const DatabasePath& path,
                                                        const Page& page) {
  static const std::string kSelect =
      std::string(rows::kSelectCollection) +
      "WHERE d.tenant = ? AND d.name = ? ORDER BY c.id LIMIT ? OFFSET ?";
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(sql::Statement select, session->prepare(kSelect));
  select.bind(path.tenant).bind(path.database).bind(limit_of(page)).bind(int64_t{page.offset});
  std::vector<Collection> listed;
  while (true) {
    VIRIDIAN_TRY(const bool row, select.step());
    if (!row) return listed;
    VIRIDIAN_TRY(Collection collection, rows::read_collection(select));
    listed.push_back(std::move(collection));
  }
}

Result<uint64_t> SysDb::count_collections(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(sql::Statement select,
               session->prepare("SELECT count(*) FROM collections c JOIN databases d"
                                " ON d.id = c.database WHERE d.tenant = ? AND d.name = ?"));
  VIRIDIAN_TRY_VOID(select.bind(path.tenant).bind(path.database).step());
  return static_cast<uint64_t>(select.integer(0));
}

Result<Collection> SysDb::update_collection(const Context& context, const CollectionId& id,
                                            const CollectionChange& change) {
  VIRIDIAN_TRY(Change edit, begin_change(context));
  VIRIDIAN_TRY(std::optional<Collection> found, rows::find_collection(*edit, id));
  if (!found) return sysdb::collection_missing(id);
  Collection collection = *std::move(found);
  if (change.only_if && *change.only_if != collection) return sysdb::collection_changed(id);
  if (change.name) collection.name = *change.name;
  if (change.metadata) collection.metadata = *change.metadata;
  if (change.schema) collection.schema = *change.schema;
  if (change.dimension) collection.dimension = *change.dimension;
  VIRIDIAN_TRY_VOID(or_taken(rows::update_collection(*edit, collection),
                             sysdb::collection_exists(collection.name)));
  edit.collection_changed(id);
  if (change.name || change.metadata || change.schema) edit.purges();
  VIRIDIAN_TRY_VOID(edit.commit());
  return collection;
}

Status SysDb::delete_collection(const Context& context, const CollectionId& id) {
  return with_spare_room([&] { return remove_collection(context, id); });
}

Status SysDb::remove_collection(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(Change edit, begin_change(context));
  VIRIDIAN_TRY(sql::Statement remove, edit->prepare("DELETE FROM collections WHERE id = ?"));
  VIRIDIAN_TRY_VOID(remove.bind(rows::blob_of(id)).run());
  if (edit->changes() == 0) return sysdb::collection_missing(id);
  edit.collection_changed(id);
  edit.databases_changed();
  edit.purges();
  return edit.commit();
}

// ---- Segments

Result<std::vector<Segment>> SysDb::list_segments(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(const bool known, rows::collection_exists(*session, id));
  if (!known) return sysdb::collection_missing(id);
  return rows::read_segments(*session, id);
}

Status SysDb::publish(const Context& context, const CollectionId& id,
                      const std::vector<SegmentChange>& changes) {
  VIRIDIAN_TRY(Change edit, begin_change(context));
  VIRIDIAN_TRY(const bool known, rows::collection_exists(*edit, id));
  if (!known) return sysdb::collection_missing(id);
  for (const SegmentChange& change : changes)
    VIRIDIAN_TRY_VOID(rows::change_segment(*edit, id, change));
  edit.collection_changed(id);
  return edit.commit();
}

Result<std::vector<CollectionId>> SysDb::collections_with_garbage(const Context& context,
                                                                  int64_t before) {
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(sql::Statement select,
               session->prepare("SELECT DISTINCT collection FROM segments WHERE garbage_since != 0"
                                " AND garbage_since <= ? ORDER BY collection"));
  return rows::read_ids(select.bind(before));
}

Result<std::vector<CollectionId>> SysDb::all_collections(const Context& context) {
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(sql::Statement select, session->prepare("SELECT id FROM collections ORDER BY id"));
  return rows::read_ids(select);
}

Result<uint64_t> SysDb::latest_change(const Context& context) {
  VIRIDIAN_TRY(const Session session, begin(context));
  VIRIDIAN_TRY(const rows::Changes changes, rows::read_changes(*session));
  return changes.latest;
}

Status SysDb::reset(const Context& context) {
  VIRIDIAN_TRY(Change edit, begin_change(context));
  VIRIDIAN_TRY(const auto collections, rows::read_collection_changes(*edit));
  for (const auto& [id, change] : collections) edit.collection_changed(id);
  edit.databases_changed();
  edit.purges();
  const std::string everything =
      "DELETE FROM collections; DELETE FROM databases; DELETE FROM tenants";
  VIRIDIAN_TRY_VOID(edit->execute(everything, "reset"));
  VIRIDIAN_TRY(sql::Statement tenant, edit->prepare("INSERT INTO tenants(name) VALUES (?)"));
  VIRIDIAN_TRY_VOID(tenant.bind(std::string_view(kDefaultTenant)).run());
  VIRIDIAN_TRY(sql::Statement database,
               edit->prepare("INSERT INTO databases(id, tenant, name) VALUES (?, ?, ?)"));
  database.bind(rows::blob_of(Uuid())).bind(std::string_view(kDefaultTenant));
  VIRIDIAN_TRY_VOID(database.bind(std::string_view(kDefaultDatabase)).run());
  return edit.commit();
}

}  // namespace viridian::sqlite
