#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/database.h"
#include "sysdb/catalogue.h"
#include "viridian/base/result.h"
#include "viridian/model/collection.h"
#include "viridian/model/requests.h"
#include "viridian/spi/sysdb.h"

/// Rows of the tables in migrations/sysdb as model values. The caller holds the connection, and a
/// transaction where several calls have to agree.
namespace viridian::sqlite::rows {

std::span<const uint8_t> blob_of(const Uuid& id);
Result<Uuid> uuid_of(const sql::Statement& row, int column);

/// Columns that read_collection() expects, to be put before "WHERE".
inline constexpr std::string_view kSelectCollection =
    "SELECT c.id, c.name, d.tenant, d.name, c.dimension, c.metadata, c.schema"
    " FROM collections c JOIN databases d ON d.id = c.database ";
/// data_loss: a stored value is not what was written.
Result<Collection> read_collection(const sql::Statement& row);
Result<std::optional<Collection>> find_collection(sql::Database&, const CollectionId& id);
Result<std::optional<Uuid>> find_database(sql::Database&, const DatabasePath& path);
Result<bool> collection_exists(sql::Database&, const CollectionId& id);

Status insert_collection(sql::Database&, const Uuid& database, const Collection&);
Status update_collection(sql::Database&, const Collection&);
Status insert_segment(sql::Database&, const Segment&, size_t position);
Result<std::vector<Segment>> read_segments(sql::Database&, const CollectionId& id);
/// aborted, not_found: as SysDb::publish.
Status change_segment(sql::Database&, const CollectionId& id, const SegmentChange&);

/// Numbers of changes: the latest of all, and the latest of tenants and databases.
struct Changes {
  uint64_t latest = 0;
  uint64_t of_databases = 0;
};
Result<Changes> read_changes(sql::Database&);
Status write_changes(sql::Database&, const Changes&);
Status set_change(sql::Database&, const CollectionId& id, uint64_t change);
/// Every collection's latest change.
Result<std::map<CollectionId, uint64_t>> read_collection_changes(sql::Database&);
/// Nothing where there is no such collection.
Result<std::optional<sysdb::CollectionCopy>> copy_collection(sql::Database&,
                                                             const CollectionId& id);
Result<sysdb::DatabasesCopy> copy_databases(sql::Database&);

/// The ids in the statement's first column.
Result<std::vector<Uuid>> read_ids(sql::Statement& statement);

}  // namespace viridian::sqlite::rows
