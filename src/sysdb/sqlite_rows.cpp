#include "sysdb/sqlite_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/json_values.h"
#include "sysdb/messages.h"

namespace viridian::sqlite::rows {
namespace {

constexpr std::string_view kMetadataScope = "metadata";
constexpr std::string_view kVectorScope = "vector";

// SQLite's integers are signed; the bits are kept, and numbers are compared outside SQL.
int64_t to_stored(uint64_t number) { return static_cast<int64_t>(number); }
uint64_t from_stored(int64_t number) { return static_cast<uint64_t>(number); }

Error damaged(const Error& error, std::string_view what, std::string_view id) {
  return Error(Code::data_loss,
               fmt::format("SysDb: the stored {} of collection [{}] is damaged: {}", what, id,
                           error.message()));
}

Status insert_file(sql::Database& database, const SegmentId& segment, const SegmentFile& file,
                   size_t position) {
  VIRIDIAN_TRY(sql::Statement insert,
               database.prepare("INSERT INTO segment_files(segment, position, id, name, size_bytes,"
                                " rows, first_seq, last_seq, origin)"
                                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.bind(blob_of(segment)).bind(to_stored(position)).bind(blob_of(file.id)).bind(file.name);
  insert.bind(to_stored(file.size_bytes)).bind(to_stored(file.rows));
  insert.bind(to_stored(file.first_seq)).bind(to_stored(file.last_seq));
  file.origin == Uuid() ? insert.bind_null() : insert.bind(blob_of(file.origin));
  return insert.run();
}

Status insert_files(sql::Database& database, const SegmentId& segment,
                    const std::vector<SegmentFile>& files) {
  for (size_t i = 0; i < files.size(); ++i)
    VIRIDIAN_TRY_VOID(insert_file(database, segment, files[i], i));
  return ok_status();
}

Status read_files(sql::Database& database, Segment& segment) {
  VIRIDIAN_TRY(sql::Statement files,
               database.prepare("SELECT id, name, size_bytes, rows, first_seq, last_seq,"
                                " origin FROM segment_files WHERE segment = ? ORDER BY position"));
  files.bind(blob_of(segment.id));
  while (true) {
    VIRIDIAN_TRY(const bool row, files.step());
    if (!row) return ok_status();
    SegmentFile file;
    VIRIDIAN_TRY(file.id, uuid_of(files, 0));
    file.name = files.text(1);
    file.size_bytes = from_stored(files.integer(2));
    file.rows = from_stored(files.integer(3));
    file.first_seq = from_stored(files.integer(4));
    file.last_seq = from_stored(files.integer(5));
    if (!files.is_null(6)) {
      VIRIDIAN_TRY(file.origin, uuid_of(files, 6));
    }
    segment.files.push_back(std::move(file));
  }
}

struct StoredCollection {
  std::optional<int64_t> dimension;
  std::optional<std::string> metadata;
  std::string schema;
};

StoredCollection to_columns(const Collection& collection) {
  StoredCollection stored;
  if (collection.dimension) stored.dimension = *collection.dimension;
  if (collection.metadata) stored.metadata = codec::write_metadata(*collection.metadata);
  stored.schema = codec::write_schema(collection.schema);
  return stored;
}

}  // namespace

std::span<const uint8_t> blob_of(const Uuid& id) { return id.bytes; }

Result<Uuid> uuid_of(const sql::Statement& row, int column) {
  const std::vector<uint8_t> bytes = row.blob(column);
  Uuid id;
  if (bytes.size() != id.bytes.size())
    return Error(Code::data_loss, fmt::format("SysDb: a stored id has {} bytes", bytes.size()));
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

Result<Collection> read_collection(const sql::Statement& row) {
  Collection collection;
  VIRIDIAN_TRY(collection.id, uuid_of(row, 0));
  collection.name = row.text(1);
  collection.tenant = row.text(2);
  collection.database = row.text(3);
  if (!row.is_null(4)) collection.dimension = static_cast<uint32_t>(row.integer(4));
  if (!row.is_null(5)) {
    auto metadata = codec::read_metadata(row.text(5));
    if (!metadata.ok()) return damaged(metadata.error(), "metadata", collection.id.to_string());
    collection.metadata = *std::move(metadata);
  }
  auto schema = codec::read_schema(row.text(6));
  if (!schema.ok()) return damaged(schema.error(), "schema", collection.id.to_string());
  collection.schema = *std::move(schema);
  return collection;
}

Result<std::optional<Collection>> find_collection(sql::Database& database, const CollectionId& id) {
  static const std::string kSelect = std::string(kSelectCollection) + "WHERE c.id = ?";
  VIRIDIAN_TRY(sql::Statement select, database.prepare(kSelect));
  VIRIDIAN_TRY(const bool row, select.bind(blob_of(id)).step());
  if (!row) return std::optional<Collection>();
  VIRIDIAN_TRY(Collection collection, read_collection(select));
  return std::optional<Collection>(std::move(collection));
}

Result<std::optional<Uuid>> find_database(sql::Database& database, const DatabasePath& path) {
  VIRIDIAN_TRY(sql::Statement select,
               database.prepare("SELECT id FROM databases WHERE tenant = ? AND name = ?"));
  VIRIDIAN_TRY(const bool row, select.bind(path.tenant).bind(path.database).step());
  if (!row) return std::optional<Uuid>();
  VIRIDIAN_TRY(const Uuid id, uuid_of(select, 0));
  return std::optional<Uuid>(id);
}

Result<bool> collection_exists(sql::Database& database, const CollectionId& id) {
  VIRIDIAN_TRY(sql::Statement select, database.prepare("SELECT 1 FROM collections WHERE id = ?"));
  return select.bind(blob_of(id)).step();
}

Status insert_collection(sql::Database& database, const Uuid& parent,
                         const Collection& collection) {
  const StoredCollection stored = to_columns(collection);
  VIRIDIAN_TRY(sql::Statement insert,
               database.prepare("INSERT INTO collections(id, database, name, dimension, metadata,"
                                " schema) VALUES (?, ?, ?, ?, ?, ?)"));
  insert.bind(blob_of(collection.id)).bind(blob_of(parent)).bind(collection.name);
  insert.bind(stored.dimension).bind(stored.metadata).bind(stored.schema);
  return insert.run();
}

Status update_collection(sql::Database& database, const Collection& collection) {
  const StoredCollection stored = to_columns(collection);
  VIRIDIAN_TRY(sql::Statement update,
               database.prepare("UPDATE collections SET name = ?, dimension = ?, metadata = ?,"
                                " schema = ? WHERE id = ?"));
  update.bind(collection.name).bind(stored.dimension).bind(stored.metadata).bind(stored.schema);
  return update.bind(blob_of(collection.id)).run();
}

Status insert_segment(sql::Database& database, const Segment& segment, size_t position) {
  VIRIDIAN_TRY(
      sql::Statement insert,
      database.prepare("INSERT INTO segments(id, collection, position, scope, type, sealed,"
                       " garbage_since, placement) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.bind(blob_of(segment.id)).bind(blob_of(segment.collection)).bind(to_stored(position));
  insert.bind(segment.scope == SegmentScope::metadata ? kMetadataScope : kVectorScope);
  insert.bind(segment.type).bind(to_stored(segment.sealed)).bind(segment.garbage_since);
  insert.bind(segment.placement);
  VIRIDIAN_TRY_VOID(insert.run());
  return insert_files(database, segment.id, segment.files);
}

Result<std::vector<Segment>> read_segments(sql::Database& database, const CollectionId& id) {
  VIRIDIAN_TRY(
      sql::Statement select,
      database.prepare("SELECT id, scope, type, sealed, garbage_since, placement FROM segments"
                       " WHERE collection = ? ORDER BY position"));
  select.bind(blob_of(id));
  std::vector<Segment> segments;
  while (true) {
    VIRIDIAN_TRY(const bool row, select.step());
    if (!row) return segments;
    Segment segment;
    VIRIDIAN_TRY(segment.id, uuid_of(select, 0));
    segment.collection = id;
    segment.scope =
        select.text(1) == kMetadataScope ? SegmentScope::metadata : SegmentScope::vector;
    segment.type = select.text(2);
    segment.sealed = from_stored(select.integer(3));
    segment.garbage_since = select.integer(4);
    segment.placement = select.text(5);
    VIRIDIAN_TRY_VOID(read_files(database, segment));
    segments.push_back(std::move(segment));
  }
}

Status change_segment(sql::Database& database, const CollectionId& id,
                      const SegmentChange& change) {
  {
    VIRIDIAN_TRY(sql::Statement select,
                 database.prepare("SELECT sealed FROM segments WHERE id = ? AND collection = ?"));
    VIRIDIAN_TRY(const bool row, select.bind(blob_of(change.segment)).bind(blob_of(id)).step());
    if (!row) return sysdb::segment_missing(change.segment, id);
    const SeqId sealed = from_stored(select.integer(0));
    if (change.sealed < sealed)
      return sysdb::sealed_goes_back(change.segment, sealed, change.sealed);
  }
  VIRIDIAN_TRY(sql::Statement update,
               database.prepare("UPDATE segments SET sealed = ?, garbage_since = ? WHERE id = ?"));
  update.bind(to_stored(change.sealed)).bind(change.garbage_since);
  VIRIDIAN_TRY_VOID(update.bind(blob_of(change.segment)).run());
  VIRIDIAN_TRY(sql::Statement clear,
               database.prepare("DELETE FROM segment_files WHERE segment = ?"));
  VIRIDIAN_TRY_VOID(clear.bind(blob_of(change.segment)).run());
  return insert_files(database, change.segment, change.files);
}

Result<Changes> read_changes(sql::Database& database) {
  VIRIDIAN_TRY(sql::Statement select, database.prepare("SELECT latest, of_databases FROM changes"));
  VIRIDIAN_TRY(const bool row, select.step());
  if (!row) return Error(Code::data_loss, "SysDb: the table changes is empty");
  return Changes{from_stored(select.integer(0)), from_stored(select.integer(1))};
}

Status write_changes(sql::Database& database, const Changes& changes) {
  VIRIDIAN_TRY(sql::Statement update,
               database.prepare("UPDATE changes SET latest = ?, of_databases = ?"));
  VIRIDIAN_TRY_VOID(
      update.bind(to_stored(changes.latest)).bind(to_stored(changes.of_databases)).run());
  // In the header, so that whoever follows the file sees that it changed.
  constexpr uint64_t kMask = 0x7fffffff;
  return database.execute(fmt::format("PRAGMA user_version = {}", changes.latest & kMask),
                          "numbering the change");
}

Status set_change(sql::Database& database, const CollectionId& id, uint64_t change) {
  VIRIDIAN_TRY(sql::Statement update,
               database.prepare("UPDATE collections SET change = ? WHERE id = ?"));
  return update.bind(to_stored(change)).bind(blob_of(id)).run();
}

Result<std::map<CollectionId, uint64_t>> read_collection_changes(sql::Database& database) {
  VIRIDIAN_TRY(sql::Statement select, database.prepare("SELECT id, change FROM collections"));
  std::map<CollectionId, uint64_t> changes;
  while (true) {
    VIRIDIAN_TRY(const bool row, select.step());
    if (!row) return changes;
    VIRIDIAN_TRY(const Uuid id, uuid_of(select, 0));
    changes[id] = from_stored(select.integer(1));
  }
}

Result<std::optional<sysdb::CollectionCopy>> copy_collection(sql::Database& database,
                                                             const CollectionId& id) {
  VIRIDIAN_TRY(std::optional<Collection> row, find_collection(database, id));
  if (!row) return std::optional<sysdb::CollectionCopy>();
  sysdb::CollectionCopy copy;
  copy.collection = *std::move(row);
  VIRIDIAN_TRY(copy.segments, read_segments(database, id));
  VIRIDIAN_TRY(sql::Statement select,
               database.prepare("SELECT change FROM collections WHERE id = ?"));
  VIRIDIAN_TRY_VOID(select.bind(blob_of(id)).step());
  copy.change = from_stored(select.integer(0));
  return std::optional<sysdb::CollectionCopy>(std::move(copy));
}

Result<sysdb::DatabasesCopy> copy_databases(sql::Database& database) {
  sysdb::DatabasesCopy copy;
  VIRIDIAN_TRY(const Changes changes, read_changes(database));
  copy.change = changes.of_databases;
  VIRIDIAN_TRY(sql::Statement tenants,
               database.prepare("SELECT name, resource_name FROM tenants ORDER BY name"));
  while (true) {
    VIRIDIAN_TRY(const bool row, tenants.step());
    if (!row) break;
    copy.tenants.push_back({tenants.text(0), tenants.optional_text(1)});
  }
  VIRIDIAN_TRY(sql::Statement databases,
               database.prepare("SELECT id, name, tenant FROM databases ORDER BY tenant, name"));
  while (true) {
    VIRIDIAN_TRY(const bool row, databases.step());
    if (!row) return copy;
    VIRIDIAN_TRY(const Uuid id, uuid_of(databases, 0));
    copy.databases.push_back({id, databases.text(1), databases.text(2)});
  }
}

Result<std::vector<Uuid>> read_ids(sql::Statement& statement) {
  std::vector<Uuid> ids;
  while (true) {
    VIRIDIAN_TRY(const bool row, statement.step());
    if (!row) return ids;
    VIRIDIAN_TRY(const Uuid id, uuid_of(statement, 0));
    ids.push_back(id);
  }
}

}  // namespace viridian::sqlite::rows
