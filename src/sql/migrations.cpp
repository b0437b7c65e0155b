#include "sql/migrations.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <vector>

namespace viridian::sql {
namespace {

constexpr size_t kDigits = 5;
constexpr std::string_view kKind = "sqlite";

struct Shipped {
  uint32_t version = 0;
  const Migration* migration = nullptr;
  std::string hash;
};

struct Applied {
  int64_t version = 0;
  std::string filename;
  std::string sql;
  std::string hash;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

Result<std::string> sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    return Error(Code::internal, "SHA-256 is not available in this build of OpenSSL");
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

Error refused(std::string_view directory, const std::string& what) {
  return Error(Code::failed_precondition, fmt::format("migrations of {}: {}", directory, what));
}

/// The shipped migrations that count here, by version, which must be 1, 2, 3, ...
Result<std::vector<Shipped>> select(std::string_view directory,
                                    std::span<const Migration> shipped) {
  std::vector<Shipped> selected;
  for (const Migration& migration : shipped) {
    if (migration.directory != directory) continue;
    const auto name = parse_migration_name(migration.filename);
    if (!name)
      return refused(directory,
                     fmt::format("the file name {} is not of the form NNNNN-name.KIND.sql",
                                 migration.filename));
    if (name->kind != kKind) continue;
    VIRIDIAN_TRY(std::string hash, sha256_hex(migration.sql));
    selected.push_back({name->version, &migration, std::move(hash)});
  }
  std::sort(selected.begin(), selected.end(),
            [](const Shipped& a, const Shipped& b) { return a.version < b.version; });
  for (size_t i = 0; i < selected.size(); ++i) {
    if (selected[i].version == i + 1) continue;
    return refused(directory, fmt::format("this program has {} where version {} should be",
                                          selected[i].migration->filename, i + 1));
  }
  return selected;
}

Result<bool> has_table(Database& database) {
  VIRIDIAN_TRY(
      Statement look,
      database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'"));
  return look.step();
}

Result<std::vector<Applied>> read_applied(Database& database, std::string_view directory) {
  std::vector<Applied> applied;
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

/// Applied migrations must be the first ones of the shipped, unchanged.
Status check_history(std::string_view directory, const std::vector<Applied>& applied,
                     const std::vector<Shipped>& shipped) {
  for (size_t i = 0; i < applied.size(); ++i) {
    const Applied& was = applied[i];
    if (was.version != static_cast<int64_t>(i + 1))
      return refused(directory,
                     fmt::format("the database has {} (version {}) applied, but not version {}",
                                 was.filename, was.version, i + 1));
    if (i >= shipped.size())
      return refused(directory,
                     fmt::format("the database is newer than this program: it has version {} ({}),"
                                 " this program ends at version {}; use a newer program",
                                 applied.back().version, applied.back().filename, shipped.size()));
    const Migration& is = *shipped[i].migration;
    if (was.hash != shipped[i].hash || was.sql != is.sql || was.filename != is.filename)
      return refused(
          directory,
          fmt::format("version {} was applied as {} (SHA-256 {}), but this program has {}"
                      " (SHA-256 {}); use the program that the database was made with",
                      was.version, was.filename, was.hash, is.filename, shipped[i].hash));
  }
  return ok_status();
}

Status apply_one(Database& database, const Shipped& shipped) {
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

Status apply(Database& database, std::string_view directory, const std::vector<Shipped>& shipped) {
  // The write lock comes first: of several programs that start at once, each sees what the one
  // before it has done.
  VIRIDIAN_TRY(Transaction transaction, Transaction::begin(database));
  VIRIDIAN_TRY(const std::vector<Applied> applied, read_applied(database, directory));
  VIRIDIAN_TRY_VOID(check_history(directory, applied, shipped));
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
                const std::vector<Shipped>& shipped) {
  VIRIDIAN_TRY(const std::vector<Applied> applied, read_applied(database, directory));
  VIRIDIAN_TRY_VOID(check_history(directory, applied, shipped));
  if (applied.size() == shipped.size()) return ok_status();
  const Migration& next = *shipped[applied.size()].migration;
  return refused(directory,
                 fmt::format("the database is at version {}, this program needs version {}: {} and"
                             " later are not applied; start once with migrations = \"apply\"",
                             applied.size(), shipped.size(), next.filename));
}

}  // namespace

std::optional<MigrationName> parse_migration_name(std::string_view filename) {
  constexpr std::string_view kSuffix = ".sql";
  if (!filename.ends_with(kSuffix)) return std::nullopt;
  std::string_view rest = filename.substr(0, filename.size() - kSuffix.size());
  if (rest.size() <= kDigits || rest[kDigits] != '-') return std::nullopt;
  MigrationName parsed;
  for (const char c : rest.substr(0, kDigits)) {
    if (!is_digit(c)) return std::nullopt;
    parsed.version = parsed.version * 10 + static_cast<uint32_t>(c - '0');
  }
  rest.remove_prefix(kDigits + 1);
  const size_t dot = rest.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  parsed.name = rest.substr(0, dot);
  parsed.kind = rest.substr(dot + 1);
  const bool well_formed =
      parsed.version > 0 && !parsed.name.empty() && !parsed.kind.empty() &&
      std::all_of(parsed.name.begin(), parsed.name.end(),
                  [](char c) { return is_lower(c) || is_digit(c) || c == '-'; }) &&
      std::all_of(parsed.kind.begin(), parsed.kind.end(), is_lower);
  if (!well_formed) return std::nullopt;
  return parsed;
}

Result<MigrationMode> parse_migration_mode(std::string_view text) {
  if (text == "apply") return MigrationMode::apply;
  if (text == "validate") return MigrationMode::validate;
  if (text == "none") return MigrationMode::none;
  return Error(Code::invalid_argument,
               fmt::format("migrations = \"{}\": it is one of apply, validate, none", text));
}

Status migrate(Database& database, std::string_view directory, std::span<const Migration> shipped,
               MigrationMode mode) {
  if (mode == MigrationMode::none) return ok_status();
  VIRIDIAN_TRY(const std::vector<Shipped> selected, select(directory, shipped));
  if (mode == MigrationMode::validate) return validate(database, directory, selected);
  return apply(database, directory, selected);
}

}  // namespace viridian::sql
