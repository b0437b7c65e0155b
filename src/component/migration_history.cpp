#include "component/migration_history.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace viridian {
namespace {

constexpr size_t kDigits = 5;

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

Result<std::vector<ShippedMigration>> shipped_migrations(std::string_view directory,
                                                         std::string_view kind,
                                                         std::span<const Migration> all) {
  std::vector<ShippedMigration> selected;
  for (const Migration& migration : all) {
    if (migration.directory != directory) continue;
    const auto name = parse_migration_name(migration.filename);
    if (!name)
      return refused(directory,
                     fmt::format("the file name {} is not of the form NNNNN-name.KIND.sql",
                                 migration.filename));
    if (name->kind != kind) continue;
    VIRIDIAN_TRY(std::string hash, sha256_hex(migration.sql));
    selected.push_back({name->version, &migration, std::move(hash)});
  }
  std::sort(
      selected.begin(), selected.end(),
      [](const ShippedMigration& a, const ShippedMigration& b) { return a.version < b.version; });
  for (size_t i = 0; i < selected.size(); ++i) {
    if (selected[i].version == i + 1) continue;
    return refused(directory, fmt::format("this program has {} where version {} should be",
                                          selected[i].migration->filename, i + 1));
  }
  return selected;
}

Status check_migrations(std::string_view directory, const std::vector<AppliedMigration>& applied,
                        const std::vector<ShippedMigration>& shipped) {
  for (size_t i = 0; i < applied.size(); ++i) {
    const AppliedMigration& was = applied[i];
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

Status require_all_applied(std::string_view directory, size_t applied,
                           const std::vector<ShippedMigration>& shipped) {
  if (applied == shipped.size()) return ok_status();
  const Migration& next = *shipped[applied].migration;
  return refused(directory,
                 fmt::format("the database is at version {}, this program needs version {}: {} and"
                             " later are not applied; start once with migrations = \"apply\"",
                             applied, shipped.size(), next.filename));
}

}  // namespace viridian
