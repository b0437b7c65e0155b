#pragma once
#include <span>
#include <string>

#include "clickhouse/server.h"
#include "component/migration_history.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"

/// Changes to the tables in ClickHouse: numbered files, built into the program, applied in order to
/// each server over its own connection. ClickHouse undoes nothing, so a change is a row of steps
/// each of which may be done again; which ones are done stands in the table schema_migrations.
namespace viridian::clickhouse {

/// All migrations of ClickHouse in this program; their texts are as migration_text.h says.
std::span<const Migration> embedded_migrations();

struct MigrationOptions {
  std::string database;
  bool replicated = false;
  MigrationMode mode = MigrationMode::apply;
};

/// Brings one server's tables up to date; the server's settings must be known. Safe when several
/// processes do it at once, and after one that was killed while it did.
///   failed_precondition  what was applied is not what is shipped (changed, or newer than the
///                        program), or, in validate mode, something is not applied
Status migrate(const Context& context, Server& server, const MigrationOptions& options,
               std::span<const Migration> shipped = embedded_migrations());

}  // namespace viridian::clickhouse
