#pragma once
#include <span>

#include "component/migration_history.h"
#include "postgres/connection.h"

/// The migrations of PostgreSQL; component/migration_history.h says what they are. They are
/// recorded in the table `migrations`.
namespace viridian::postgres {

/// All migrations of PostgreSQL in this program.
std::span<const Migration> embedded_migrations();

/// Brings the tables up to date, in one transaction, which is still open after an error: the
/// connection is not to be used again then. Safe when several processes start at once.
///   failed_precondition  what was applied is not what is shipped (changed, newer than the program,
///                        or with a gap), or, in validate mode, something is not applied
Status migrate(const Context&, Connection& connection, std::span<const Migration> shipped,
               MigrationMode mode);

}  // namespace viridian::postgres
