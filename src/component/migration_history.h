#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/result.h"

/// Changes to stored tables: numbered files `migrations/<directory>/NNNNN-name.KIND.sql`, built
/// into the program, applied in order, and recorded with their hashes in the store that they
/// change. Here is what does not depend on the store.
namespace viridian {

struct Migration {
  std::string_view directory;
  std::string_view filename;
  std::string_view sql;
};

/// What a file name says.
struct MigrationName {
  uint32_t version = 0;   ///< from 1
  std::string_view name;  ///< lower-case letters, digits and hyphens
  std::string_view kind;  ///< the SQL dialect: lower-case letters
};
/// Nothing where the name is not of the form NNNNN-name.KIND.sql.
std::optional<MigrationName> parse_migration_name(std::string_view filename);

enum class MigrationMode : uint8_t {
  apply,     ///< run what has not been run
  validate,  ///< refuse unless everything has been run
  none,      ///< do not look
};
/// invalid_argument: not apply, validate or none.
Result<MigrationMode> parse_migration_mode(std::string_view text);

/// One that this program has.
struct ShippedMigration {
  uint32_t version = 0;
  const Migration* migration = nullptr;
  std::string hash;  ///< SHA-256 of its text, in hexadecimal digits
};
/// Those of one directory and kind, by version.
///   failed_precondition  a name of another form, or versions that are not 1, 2, 3, ...
Result<std::vector<ShippedMigration>> shipped_migrations(std::string_view directory,
                                                         std::string_view kind,
                                                         std::span<const Migration> all);

/// One that a store says was applied to it.
struct AppliedMigration {
  int64_t version = 0;
  std::string filename;
  std::string sql;
  std::string hash;
};
/// Whether what was applied, by version, are the first ones of the shipped, unchanged.
///   failed_precondition  changed, newer than the program, or with a gap
Status check_migrations(std::string_view directory, const std::vector<AppliedMigration>& applied,
                        const std::vector<ShippedMigration>& shipped);
/// failed_precondition where some of the shipped, checked before, are not applied.
Status require_all_applied(std::string_view directory, size_t applied,
                           const std::vector<ShippedMigration>& shipped);

}  // namespace viridian
