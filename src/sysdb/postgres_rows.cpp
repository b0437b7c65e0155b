#include "sysdb/postgres_rows.h"

#include <fmt/format.h>

#include <map>

#include "codec/json_values.h"
#include "sysdb/messages.h"

namespace viridian::postgres::rows {
namespace {

Error damaged(const Error& error, std::string_view what, const CollectionId& id) {
  return Error(Code::data_loss,
               fmt::format("SysDb: the stored {} of collection [{}] is damaged: {}", what,
                           id.to_string(), error.message()));
}

void add_columns(Parameters& row, const Collection& collection) {
  row.add(std::string_view(collection.name));
  row.add(collection.dimension ? std::optional<int64_t>(*collection.dimension) : std::nullopt);
  const std::string metadata =
      collection.metadata ? codec::write_metadata(*collection.metadata) : "";
  row.add(collection.metadata ? std::optional<std::string_view>(metadata) : std::nullopt);
  row.add(std::string_view(codec::write_schema(collection.schema)));
}

/// Columns of many rows of one table, as arrays.
struct FileColumns {
  std::vector<Uuid> segment, id, origin;
  std::vector<uint64_t> position, size_bytes, rows, first_seq, last_seq;
  std::vector<std::string> name;

  void add(const SegmentId& owner, const std::vector<SegmentFile>& files) {
    for (size_t i = 0; i < files.size(); ++i) {
      segment.push_back(owner);
      position.push_back(i);
      id.push_back(files[i].id);
      name.push_back(files[i].name);
      size_bytes.push_back(files[i].size_bytes);
      rows.push_back(files[i].rows);
      first_seq.push_back(files[i].first_seq);
      last_seq.push_back(files[i].last_seq);
      origin.push_back(files[i].origin);
    }
  }
  Status insert(const Context& context, Connection& connection) const {
    if (segment.empty()) return ok_status();
    Parameters columns;
    columns.add(segment).add(position).add(id).add(name).add(size_bytes).add(rows);
    columns.add(first_seq).add(last_seq).add(origin);
    VIRIDIAN_TRY_VOID(connection.run(
        context,
        "INSERT INTO segment_files (segment, position, id, name, size_bytes, rows, first_seq,"
        " last_seq, origin) SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        columns));
    return ok_status();
  }
};

}  // namespace

Result<Collection> read_collection(const Rows& rows, size_t row) {
  Collection collection;
  collection.id = rows.uuid(row, 0);
  collection.name = rows.bytes(row, 1);
  collection.tenant = rows.bytes(row, 2);
  collection.database = rows.bytes(row, 3);
  if (!rows.is_null(row, 4)) collection.dimension = static_cast<uint32_t>(rows.integer(row, 4));
  if (!rows.is_null(row, 5)) {
    auto metadata = codec::read_metadata(rows.bytes(row, 5));
    if (!metadata.ok()) return damaged(metadata.error(), "metadata", collection.id);
    collection.metadata = *std::move(metadata);
  }
  auto schema = codec::read_schema(rows.bytes(row, 6));
  if (!schema.ok()) return damaged(schema.error(), "schema", collection.id);
  collection.schema = *std::move(schema);
  return collection;
}

Parameters path_of(const DatabasePath& path) {
  return Parameters().add(std::string_view(path.tenant)).add(std::string_view(path.database));
}

Result<std::optional<Uuid>> lock_database(const Context& context, Connection& connection,
                                          const DatabasePath& path) {
  VIRIDIAN_TRY(const Rows found, connection.run(context,
                                                "SELECT id FROM databases WHERE tenant = sha256($1)"
                                                " AND key = sha256($2) FOR KEY SHARE",
                                                path_of(path)));
  if (found.empty()) return std::optional<Uuid>();
  return std::optional<Uuid>(found.uuid(0, 0));
}

Status insert_collection(const Context& context, Connection& connection, const Uuid& database,
                         const Collection& collection) {
  Parameters row;
  row.add(collection.id).add(database);
  add_columns(row, collection);
  VIRIDIAN_TRY_VOID(
      connection.run(context,
                     "INSERT INTO collections (id, database, name, dimension, metadata, schema)"
                     " VALUES ($1, $2, $3, $4, $5, $6)",
                     row));
  return ok_status();
}

Status update_collection(const Context& context, Connection& connection,
                         const Collection& collection) {
  Parameters row;
  row.add(collection.id);
  add_columns(row, collection);
  VIRIDIAN_TRY_VOID(
      connection.run(context,
                     "UPDATE collections SET name = $2, dimension = $3, metadata = $4, schema = $5"
                     " WHERE id = $1",
                     row));
  return ok_status();
}

Status insert_segments(const Context& context, Connection& connection,
                       const std::vector<Segment>& segments) {
  if (segments.empty()) return ok_status();
  std::vector<Uuid> id, collection;
  std::vector<uint64_t> position, scope, sealed, garbage_since;
  std::vector<std::string> type, placement;
  FileColumns files;
  for (const Segment& segment : segments) {
    position.push_back(id.size());
    id.push_back(segment.id);
    collection.push_back(segment.collection);
    scope.push_back(static_cast<uint64_t>(segment.scope));
    type.push_back(segment.type);
    sealed.push_back(segment.sealed);
    garbage_since.push_back(static_cast<uint64_t>(segment.garbage_since));
    placement.push_back(segment.placement);
    files.add(segment.id, segment.files);
  }
  Parameters columns;
  columns.add(id).add(collection).add(position).add(scope).add(type).add(sealed);
  columns.add(garbage_since).add(placement);
  VIRIDIAN_TRY_VOID(connection.run(
      context,
      "INSERT INTO segments (id, collection, position, scope, type, sealed, garbage_since,"
      " placement) SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)",
      columns));
  return files.insert(context, connection);
}

Result<std::vector<Segment>> read_segments(const Rows& rows, const CollectionId& id) {
  std::vector<Segment> segments;
  for (size_t row = 0; row < rows.size(); ++row) {
    if (rows.is_null(row, 0)) continue;  // a collection without segments
    const SegmentId segment_id = rows.uuid(row, 0);
    if (segments.empty() || segments.back().id != segment_id) {
      Segment segment;
      segment.id = segment_id;
      segment.collection = id;
      segment.scope = static_cast<SegmentScope>(rows.integer(row, 1));
      segment.type = rows.bytes(row, 2);
      segment.sealed = rows.number(row, 3);
      segment.garbage_since = rows.integer(row, 4);
      segment.placement = rows.bytes(row, 5);
      segments.push_back(std::move(segment));
    }
    if (rows.is_null(row, 6)) continue;  // a segment without files
    segments.back().files.push_back({rows.uuid(row, 6), rows.bytes(row, 7), rows.number(row, 8),
                                     rows.number(row, 9), rows.number(row, 10),
                                     rows.number(row, 11), rows.uuid(row, 12)});
  }
  return segments;
}

Status change_segments(const Context& context, Connection& connection, const CollectionId& id,
                       const std::vector<SegmentChange>& changes) {
  VIRIDIAN_TRY(const Rows stored,
               connection.run(context, "SELECT id, sealed FROM segments WHERE collection = $1",
                              Parameters().add(id)));
  std::map<SegmentId, SeqId> sealed_now;
  for (size_t row = 0; row < stored.size(); ++row)
    sealed_now[stored.uuid(row, 0)] = stored.number(row, 1);
  std::map<SegmentId, const SegmentChange*> last;  // the same one may be named twice
  for (const SegmentChange& change : changes) {
    const auto known = sealed_now.find(change.segment);
    if (known == sealed_now.end()) return sysdb::segment_missing(change.segment, id);
    if (change.sealed < known->second)
      return sysdb::sealed_goes_back(change.segment, known->second, change.sealed);
    known->second = change.sealed;
    last[change.segment] = &change;
  }
  if (last.empty()) return ok_status();
  std::vector<Uuid> segment;
  std::vector<uint64_t> sealed, garbage_since;
  FileColumns files;
  for (const auto& [segment_id, change] : last) {
    segment.push_back(segment_id);
    sealed.push_back(change->sealed);
    garbage_since.push_back(static_cast<uint64_t>(change->garbage_since));
    files.add(segment_id, change->files);
  }
  VIRIDIAN_TRY_VOID(
      connection.run(context,
                     "UPDATE segments s SET sealed = n.sealed, garbage_since = n.garbage_since"
                     " FROM unnest($1, $2, $3) AS n (id, sealed, garbage_since) WHERE s.id = n.id",
                     Parameters().add(segment).add(sealed).add(garbage_since)));
  VIRIDIAN_TRY_VOID(connection.run(context, "DELETE FROM segment_files WHERE segment = ANY ($1)",
                                   Parameters().add(segment)));
  return files.insert(context, connection);
}

}  // namespace viridian::postgres::rows
