#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sql/database.h"
#include "viridian/base/result.h"

/// Changes to stored tables: numbered files `migrations/<directory>/NNNNN-name.KIND.sql`, built
/// into the program, applied in order, and recorded with their hashes in the table `migrations`.
namespace viridian::sql {

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

/// All migrations in this program, by directory and file name.
std::span<const Migration> embedded_migrations();

enum class MigrationMode : uint8_t {
  apply,     ///< run what has not been run
  validate,  ///< refuse unless everything has been run
  none,      ///< do not look
};
/// invalid_argument: not apply, validate or none.
Result<MigrationMode> parse_migration_mode(std::string_view text);

/// Brings the directory's tables up to date, in one transaction. Of `shipped` those of this
/// directory and of the kind sqlite count. Safe when several processes start at once.
///   failed_precondition  what was applied is not what is shipped (changed, newer than the program,
///                        or with a gap), or, in validate mode, something is not applied; the
///                        database is as it was
Status migrate(Database& database, std::string_view directory, std::span<const Migration> shipped,
               MigrationMode mode);

}  // namespace viridian::sql
