#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// One statement of a migration, and the query that says whether what it does is done: one row with
/// one UInt8 named `done`, 1 if so.
struct MigrationStep {
  std::string name;
  std::string check;
  std::string statement;
};

/// What a migration's text is adapted to.
struct MigrationTarget {
  std::string database;  ///< its plain name
  bool replicated = false;
  std::function<bool(std::string_view setting)> knows;
};

/// A migration's steps. Each begins with the lines
///   -- step: NAME
///   -- check: QUERY, perhaps going on in further lines that begin with --
/// and its statement goes on until the next step, or until a comment line after an empty one.
/// Replaced are
///   {database}                 the database as an identifier
///   {name}                     its name as a string
///   {engine E TABLE ARGUMENT}  the engine E(ARGUMENT), or its replicated kind
///   {uncompressed}             how a column is kept from being compressed, where that can be said
///   {durable}                  settings, after a comma, that make inserts survive a power failure,
///                              where there are such settings
///   internal  the text is not of that form
Result<std::vector<MigrationStep>> migration_steps(std::string_view text,
                                                   const MigrationTarget& target);

}  // namespace viridian::clickhouse
