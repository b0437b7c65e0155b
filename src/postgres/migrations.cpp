#include "postgres/migrations.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace viridian::postgres {
namespace {

constexpr std::string_view kDirectory = "postgres";  // below migrations/
constexpr std::string_view kKind = "postgres";
constexpr int64_t kLock = 0x7669726964696170;  // "viridiap": of migrations, in this database

Result<std::vector<AppliedMigration>> read_applied(const Context& context, Connection& connection) {
  std::vector<AppliedMigration> applied;
  VIRIDIAN_TRY(const Rows table,
               connection.run(context, "SELECT to_regclass('migrations') IS NOT NULL"));
  if (!table.boolean(0, 0)) return applied;
  VIRIDIAN_TRY(const Rows rows,
               connection.run(context,
                              "SELECT version, convert_to(filename, 'UTF8'), convert_to(sql, "
                              "'UTF8'), convert_to(hash, 'UTF8') FROM migrations WHERE directory = "
                              "convert_from($1, 'UTF8') ORDER BY version",
                              Parameters().add(kDirectory)));
  for (size_t row = 0; row < rows.size(); ++row)
    applied.push_back(
        {rows.integer(row, 0), rows.bytes(row, 1), rows.bytes(row, 2), rows.bytes(row, 3)});
  return applied;
}

Status apply_one(const Context& context, Connection& connection, const ShippedMigration& shipped) {
  const Migration& migration = *shipped.migration;
  if (Status applied = connection.execute(context, std::string(migration.sql)); !applied.ok())
    return applied.error().with(
        fmt::format("migration {}/{}", migration.directory, migration.filename));
  Parameters row;
  row.add(migration.directory).add(int64_t{shipped.version}).add(migration.filename);
  row.add(migration.sql).add(std::string_view(shipped.hash));
  VIRIDIAN_TRY_VOID(connection.run(
      context,
      "INSERT INTO migrations (directory, version, filename, sql, hash) VALUES"
      " (convert_from($1, 'UTF8'), $2, convert_from($3, 'UTF8'), convert_from($4, 'UTF8'),"
      " convert_from($5, 'UTF8'))",
      row));
  return ok_status();
}

}  // namespace

Status migrate(const Context& context, Connection& connection, std::span<const Migration> shipped,
               MigrationMode mode) {
  if (mode == MigrationMode::none) return ok_status();
  VIRIDIAN_TRY(const std::vector<ShippedMigration> selected,
               shipped_migrations(kDirectory, kKind, shipped));
  VIRIDIAN_TRY_VOID(connection.execute(context, "BEGIN"));
  // Of several programs that start at once, each sees what the one before it has done.
  VIRIDIAN_TRY_VOID(
      connection.run(context, "SELECT pg_advisory_xact_lock($1)::text", Parameters().add(kLock)));
  VIRIDIAN_TRY(const auto applied, read_applied(context, connection));
  VIRIDIAN_TRY_VOID(check_migrations(kDirectory, applied, selected));
  if (mode == MigrationMode::validate)
    VIRIDIAN_TRY_VOID(require_all_applied(kDirectory, applied.size(), selected));
  if (applied.size() < selected.size())
    VIRIDIAN_TRY_VOID(connection.execute(
        context,
        "CREATE TABLE IF NOT EXISTS migrations (directory TEXT NOT NULL, version BIGINT NOT NULL,"
        " filename TEXT NOT NULL, sql TEXT NOT NULL, hash TEXT NOT NULL,"
        " applied_at TIMESTAMPTZ NOT NULL DEFAULT now(), PRIMARY KEY (directory, version))"));
  for (size_t i = applied.size(); i < selected.size(); ++i)
    VIRIDIAN_TRY_VOID(apply_one(context, connection, selected[i]));
  return connection.commit(context);
}

}  // namespace viridian::postgres
