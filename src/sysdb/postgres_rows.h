#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/connection.h"
#include "postgres/values.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/collection.h"
#include "viridian/model/requests.h"
#include "viridian/spi/sysdb.h"

/// Rows of the tables in migrations/postgres as model values. Where several calls have to agree the
/// caller holds a transaction and has locked what they are about.
namespace viridian::postgres::rows {

/// Columns that read_collection() expects, to be put before "WHERE".
inline constexpr std::string_view kSelectCollection =
    "SELECT c.id, c.name, t.name, d.name, c.dimension, c.metadata, c.schema FROM collections c"
    " JOIN databases d ON d.id = c.database JOIN tenants t ON t.key = d.tenant ";
/// data_loss: a stored value is not what was written.
Result<Collection> read_collection(const Rows& rows, size_t row);

Parameters path_of(const DatabasePath& path);
/// The database's id; nothing where there is none. While the transaction lasts it is not removed.
Result<std::optional<Uuid>> lock_database(const Context&, Connection&, const DatabasePath& path);

Status insert_collection(const Context&, Connection&, const Uuid& database, const Collection&);
Status update_collection(const Context&, Connection&, const Collection&);
/// Of one collection, in this order.
Status insert_segments(const Context&, Connection&, const std::vector<Segment>& segments);
/// What list_segments() selects with kSelectSegments.
Result<std::vector<Segment>> read_segments(const Rows& rows, const CollectionId& id);
inline constexpr std::string_view kSelectSegments =
    "SELECT s.id, s.scope, s.type, s.sealed, s.garbage_since, s.placement, f.id, f.name,"
    " f.size_bytes, f.rows, f.first_seq, f.last_seq, f.origin FROM collections c"
    " LEFT JOIN segments s ON s.collection = c.id LEFT JOIN segment_files f ON f.segment = s.id"
    " WHERE c.id = $1 ORDER BY s.position, f.position";
/// aborted, not_found: as SysDb::publish. The collection's row is locked.
Status change_segments(const Context&, Connection&, const CollectionId& id,
                       const std::vector<SegmentChange>& changes);

}  // namespace viridian::postgres::rows
