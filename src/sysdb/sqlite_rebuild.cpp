#include "sysdb/sqlite_rebuild.h"

#include <fmt/format.h>

#include "sql/database.h"
#include "sql/migrations.h"
#include "sysdb/messages.h"
#include "sysdb/sqlite_rows.h"

namespace viridian::sqlite {
namespace {

Status put_tenant(sql::Database& database, const Tenant& tenant) {
  VIRIDIAN_TRY(
      sql::Statement insert,
      database.prepare("INSERT INTO tenants(name, resource_name) VALUES (?, ?)"
                       " ON CONFLICT DO UPDATE SET resource_name = excluded.resource_name"));
  return insert.bind(tenant.name).bind(tenant.resource_name).run();
}

/// The id that the database has in the end.
Result<Uuid> put_database(sql::Database& database, const Database& row) {
  const DatabasePath path{row.tenant, row.name};
  VIRIDIAN_TRY(const std::optional<Uuid> there, rows::find_database(database, path));
  if (there) return *there;
  VIRIDIAN_TRY(sql::Statement tenant,
               database.prepare("INSERT INTO tenants(name) VALUES (?) ON CONFLICT DO NOTHING"));
  VIRIDIAN_TRY_VOID(tenant.bind(row.tenant).run());
  VIRIDIAN_TRY(sql::Statement insert,
               database.prepare("INSERT INTO databases(id, tenant, name) VALUES (?, ?, ?)"));
  insert.bind(rows::blob_of(row.id)).bind(row.tenant).bind(row.name);
  VIRIDIAN_TRY_VOID(insert.run());
  return row.id;
}

Status put_collection(sql::Database& database, const sysdb::CollectionCopy& copy) {
  const Collection& row = copy.collection;
  VIRIDIAN_TRY(const Uuid parent,
               put_database(database, {Uuid::random(), row.database, row.tenant}));
  VIRIDIAN_TRY_VOID(rows::insert_collection(database, parent, row));
  for (size_t i = 0; i < copy.segments.size(); ++i)
    VIRIDIAN_TRY_VOID(rows::insert_segment(database, copy.segments[i], i));
  return rows::set_change(database, row.id, copy.change);
}

Status fill(sql::Database& database, const sysdb::Catalogue& catalogue) {
  VIRIDIAN_TRY(sql::Transaction transaction, sql::Transaction::begin(database));
  if (catalogue.databases) {
    for (const Tenant& tenant : catalogue.databases->tenants)
      VIRIDIAN_TRY_VOID(put_tenant(database, tenant));
    for (const Database& row : catalogue.databases->databases)
      VIRIDIAN_TRY_VOID(put_database(database, row));
  }
  for (const sysdb::CollectionCopy& copy : catalogue.collections) {
    Status put = put_collection(database, copy);
    if (!put.ok())
      return put.error().with(fmt::format("collection [{}] ({})", copy.collection.name,
                                          copy.collection.id.to_string()));
  }
  const uint64_t next = catalogue.latest_change() + 1;
  VIRIDIAN_TRY_VOID(rows::write_changes(database, {next, next}));
  return transaction.commit();
}

}  // namespace

Status rebuild(os::Files& files, const std::string& path, const sysdb::Catalogue& catalogue) {
  VIRIDIAN_TRY(const bool exists, files.exists(path));
  if (exists) return Error(Code::already_exists, path + " is there already");
  VIRIDIAN_TRY(const auto database, sql::Database::open(files, path));
  VIRIDIAN_TRY_VOID(
      sql::migrate(*database, "sysdb", sql::embedded_migrations(), sql::MigrationMode::apply));
  VIRIDIAN_TRY_VOID(fill(*database, catalogue));
  VIRIDIAN_TRY_VOID(database->checkpoint());
  return ok_status();
}

}  // namespace viridian::sqlite
