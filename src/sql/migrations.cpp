#include "sql/migrations.h"

#include <fmt/format.h>

#include <ctime>
#include <vector>

namespace viridian::sql {
namespace {

constexpr std::string_view kKind = "sqlite";

Result<bool> has_table(Database& database) {
  VIRIDIAN_TRY(
      Statement look,
      database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'"));
  return look.step();
}

Result<std::vector<AppliedMigration>> read_applied(Database& database, std::string_view directory) {
  std::vector<AppliedMigration> applied;
  VIRIDIAN_TRY(const bool known, has_table(database));
  if (!known) return applied;
  VIRIDIAN_TRY(Statement rows,
               database.prepare("SELECT version, filename, sql, hash FROM migrations"
                                " WHERE directory = ? ORDER BY version"));
  rows.bind(directory);
  while (true) {
    VIRIDIAN_TRY(const bool row, rows.step());
    if (!row) return applied;
    applied.push_back({rows.integer(0), rows.text(1), rows.text(2), rows.text(3)});
  }
}

Status apply_one(Database& database, const ShippedMigration& shipped) {
  const Migration& migration = *shipped.migration;
  const std::string where = fmt::format("migration {}/{}", migration.directory, migration.filename);
  VIRIDIAN_TRY_VOID(database.execute(std::string(migration.sql), where));
  if (!database.in_transaction())
    return Error(Code::internal, where + " ends the transaction; take its COMMIT or ROLLBACK out");
  VIRIDIAN_TRY(Statement insert,
               database.prepare("INSERT INTO migrations(directory, version, filename, sql, hash,"
                                " applied_at) VALUES (?, ?, ?, ?, ?, ?)"));
  insert.bind(migration.directory).bind(int64_t{shipped.version}).bind(migration.filename);
  insert.bind(migration.sql).bind(shipped.hash).bind(static_cast<int64_t>(std::time(nullptr)));
  return insert.run();
}

Status apply(Database& database, std::string_view directory,
             const std::vector<ShippedMigration>& shipped) {
  // The write lock comes first: of several programs that start at once, each sees what the one
  // before it has done.
  VIRIDIAN_TRY(Transaction transaction, Transaction::begin(database));
  VIRIDIAN_TRY(const std::vector<AppliedMigration> applied, read_applied(database, directory));
  VIRIDIAN_TRY_VOID(check_migrations(directory, applied, shipped));
  if (applied.size() == shipped.size()) return ok_status();
  VIRIDIAN_TRY_VOID(database.execute(
      "CREATE TABLE IF NOT EXISTS migrations("
      " directory TEXT NOT NULL, version INTEGER NOT NULL, filename TEXT NOT NULL,"
      " sql TEXT NOT NULL, hash TEXT NOT NULL, applied_at INTEGER NOT NULL,"  // seconds since 1970
      " PRIMARY KEY (directory, version)) STRICT, WITHOUT ROWID",
      "making the table migrations"));
  for (size_t i = applied.size(); i < shipped.size(); ++i)
    VIRIDIAN_TRY_VOID(apply_one(database, shipped[i]));
  return transaction.commit();
}

Status validate(Database& database, std::string_view directory,
                const std::vector<ShippedMigration>& shipped) {
  VIRIDIAN_TRY(const std::vector<AppliedMigration> applied, read_applied(database, directory));
  VIRIDIAN_TRY_VOID(check_migrations(directory, applied, shipped));
  return require_all_applied(directory, applied.size(), shipped);
}

}  // namespace

Status migrate(Database& database, std::string_view directory, std::span<const Migration> shipped,
               MigrationMode mode) {
  if (mode == MigrationMode::none) return ok_status();
  VIRIDIAN_TRY(const std::vector<ShippedMigration> selected,
               shipped_migrations(directory, kKind, shipped));
  if (mode == MigrationMode::validate) return validate(database, directory, selected);
  return apply(database, directory, selected);
}

}  // namespace viridian::sql
