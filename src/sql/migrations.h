#pragma once
#include <span>
#include <string_view>

#include "component/migration_history.h"
#include "sql/database.h"
#include "viridian/base/result.h"

/// The migrations of SQLite files; component/migration_history.h says what they are. They are
/// recorded in the table `migrations`.
namespace viridian::sql {

using viridian::Migration;
using viridian::MigrationMode;
using viridian::parse_migration_mode;

/// All migrations in this program, by directory and file name.
std::span<const Migration> embedded_migrations();

/// Brings the directory's tables up to date, in one transaction. Of `shipped` those of this
/// directory and of the kind sqlite count. Safe when several processes start at once.
///   failed_precondition  what was applied is not what is shipped (changed, newer than the program,
///                        or with a gap), or, in validate mode, something is not applied; the
///                        database is as it was
Status migrate(Database& database, std::string_view directory, std::span<const Migration> shipped,
               MigrationMode mode);

}  // namespace viridian::sql
