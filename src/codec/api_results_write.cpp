#include <algorithm>

#include "codec/api_columns.h"
#include "codec/api_json.h"
#include "codec/values.h"

namespace viridian::codec {
namespace {

bool has(const std::vector<Include>& include, Include word) {
  return std::find(include.begin(), include.end(), word) != include.end();
}

void write_member(json::Writer& out, std::string_view name, std::string_view text) {
  out.key(name);
  out.string(text);
}

template <class T>
void write_optional(json::Writer& out, std::string_view name, const std::optional<T>& number) {
  out.key(name);
  if (!number)
    out.null();
  else if constexpr (std::is_floating_point_v<T>)
    out.floating(*number);
  else
    out.unsigned_integer(*number);
}

/// The older `configuration` object, derived from the schema.
void write_configuration(json::Writer& out, const Schema& schema) {
  static const VectorIndex kNone;
  const auto at = schema.keys.find(Schema::kEmbedding);
  const VectorIndex& index =
      at != schema.keys.end() && at->second.vector ? *at->second.vector : kNone;
  const HnswParameters hnsw = index.hnsw.value_or(HnswParameters());
  out.begin_object();
  out.key("hnsw");
  out.begin_object();
  write_member(out, "space", space_name(index.space.value_or(Space::l2)));
  write_optional(out, "ef_construction", hnsw.ef_construction);
  write_optional(out, "ef_search", hnsw.ef_search);
  write_optional(out, "max_neighbors", hnsw.max_neighbors);
  write_optional(out, "resize_factor", hnsw.resize_factor);
  write_optional(out, "sync_threshold", hnsw.sync_threshold);
  out.end_object();
  out.key("spann");
  out.null();
  out.key("embedding_function");
  if (index.embedding_function)
    out.raw(*index.embedding_function);
  else
    out.null();
  out.end_object();
}

void write_one(json::Writer& out, const Collection& collection) {
  out.begin_object();
  write_member(out, "id", collection.id.to_string());
  write_member(out, "name", collection.name);
  out.key("configuration_json");
  write_configuration(out, collection.schema);
  out.key("schema");
  write(out, collection.schema);
  out.key("metadata");
  if (collection.metadata)
    write(out, *collection.metadata);
  else
    out.null();
  write_optional(out, "dimension", collection.dimension);
  write_member(out, "tenant", collection.tenant);
  write_member(out, "database", collection.database);
  out.key("log_position");
  out.unsigned_integer(0);
  out.key("version");
  out.unsigned_integer(0);
  out.end_object();
}

void write_one(json::Writer& out, const Database& database) {
  out.begin_object();
  write_member(out, "id", database.id.to_string());
  write_member(out, "name", database.name);
  write_member(out, "tenant", database.tenant);
  out.end_object();
}

template <class T>
std::string write_list(const std::vector<T>& elements) {
  json::Writer out;
  out.begin_array();
  for (const T& element : elements) write_one(out, element);
  out.end_array();
  return std::move(out).take();
}

void write_column(json::Writer& out, const StringColumn& column) {
  out.begin_array();
  for (size_t row = 0; row < column.size(); ++row) out.string(column[row]);
  out.end_array();
}

void write_column(json::Writer& out, const NullableStringColumn& column) {
  out.begin_array();
  for (size_t row = 0; row < column.size(); ++row)
    if (column.has(row))
      out.string(*column[row]);
    else
      out.null();
  out.end_array();
}

void write_column(json::Writer& out, const Matrix& matrix) {
  out.begin_array();
  for (size_t row = 0; row < matrix.rows(); ++row) {
    const float* values = matrix.row(row);
    out.begin_array();
    for (size_t i = 0; i < matrix.dim; ++i) out.floating(values[i]);
    out.end_array();
  }
  out.end_array();
}

void write_column(json::Writer& out, const std::vector<std::optional<Metadata>>& column) {
  out.begin_array();
  for (const auto& metadata : column)
    if (metadata)
      write(out, *metadata);
    else
      out.null();
  out.end_array();
}

void write_column(json::Writer& out, const std::vector<float>& column) {
  out.begin_array();
  for (const float value : column) out.floating(value);
  out.end_array();
}

/// One column of a get result, or null where it was not asked for.
template <class Column>
void write_included(json::Writer& out, std::string_view name, bool included, const Column& column) {
  out.key(name);
  if (included)
    write_column(out, column);
  else
    out.null();
}

/// One column of a query result, a list per query, or null where it was not asked for.
template <class Element, class Get>
void write_nested(json::Writer& out, std::string_view name, bool included,
                  const std::vector<Element>& queries, Get get) {
  out.key(name);
  if (!included) {
    out.null();
    return;
  }
  out.begin_array();
  for (const Element& query : queries) write_column(out, get(query));
  out.end_array();
}

void write_include(json::Writer& out, const std::vector<Include>& include) {
  out.key("include");
  out.begin_array();
  for (const Include word : include) out.string(include_name(word));
  out.end_array();
}

/// Null: nothing follows.
void write_next_cursor(json::Writer& out, std::string_view cursor) {
  out.key("next_cursor");
  if (cursor.empty())
    out.null();
  else
    out.string(cursor);
}

/// Room for the result, so that large ones are not copied while they grow.
size_t guess_bytes(const RecordColumns& records) {
  return records.ids.bytes().size() + records.documents.values().bytes().size() +
         records.uris.values().bytes().size() + records.embeddings.values.size() * 14 +
         records.ids.size() * 32;
}

}  // namespace

std::string write_collection(const Collection& collection) {
  json::Writer out;
  write_one(out, collection);
  return std::move(out).take();
}

std::string write_collections(const std::vector<Collection>& collections) {
  return write_list(collections);
}

std::string write_get_result(const GetResult& result) {
  const RecordColumns& records = result.records;
  const auto& include = result.include;
  json::Writer out;
  out.reserve(guess_bytes(records) + 256);
  out.begin_object();
  write_included(out, "ids", true, records.ids);
  write_included(out, "embeddings", has(include, Include::embeddings), records.embeddings);
  write_included(out, "documents", has(include, Include::documents), records.documents);
  write_included(out, "uris", has(include, Include::uris), records.uris);
  write_included(out, "metadatas", has(include, Include::metadatas), records.metadatas);
  write_include(out, include);
  if (result.next_cursor) write_next_cursor(out, *result.next_cursor);
  out.end_object();
  return std::move(out).take();
}

std::string write_query_result(const QueryResult& result) {
  const auto& include = result.include;
  json::Writer out;
  size_t bytes = 256;
  for (const RecordColumns& records : result.records) bytes += guess_bytes(records);
  out.reserve(bytes);
  const auto column = [](auto RecordColumns::*member) {
    return [member](const RecordColumns& records) -> const auto& { return records.*member; };
  };
  out.begin_object();
  write_nested(out, "ids", true, result.records, column(&RecordColumns::ids));
  write_nested(out, "embeddings", has(include, Include::embeddings), result.records,
               column(&RecordColumns::embeddings));
  write_nested(out, "documents", has(include, Include::documents), result.records,
               column(&RecordColumns::documents));
  write_nested(out, "uris", has(include, Include::uris), result.records,
               column(&RecordColumns::uris));
  write_nested(out, "metadatas", has(include, Include::metadatas), result.records,
               column(&RecordColumns::metadatas));
  write_nested(
      out, "distances", has(include, Include::distances), result.distances,
      [](const std::vector<float>& distances) -> const auto& { return distances; });
  write_include(out, include);
  out.end_object();
  return std::move(out).take();
}

std::string write_delete_result(const DeleteResult& result) {
  json::Writer out;
  out.begin_object();
  out.key("deleted");
  out.unsigned_integer(result.deleted);
  out.end_object();
  return std::move(out).take();
}

std::string write_identity(const Identity& identity) {
  json::Writer out;
  out.begin_object();
  write_member(out, "user_id", identity.user_id);
  write_member(out, "tenant", identity.tenant);
  out.key("databases");
  out.begin_array();
  for (const std::string& database : identity.databases) out.string(database);
  out.end_array();
  out.end_object();
  return std::move(out).take();
}

std::string write_pre_flight(const PreFlight& pre_flight) {
  json::Writer out;
  out.begin_object();
  out.key("max_batch_size");
  out.unsigned_integer(pre_flight.max_batch_size);
  out.key("supports_base64_encoding");
  out.boolean(pre_flight.supports_base64_encoding);
  out.end_object();
  return std::move(out).take();
}

std::string write_tenant(const Tenant& tenant) {
  json::Writer out;
  out.begin_object();
  write_member(out, "name", tenant.name);
  out.key("resource_name");
  if (tenant.resource_name)
    out.string(*tenant.resource_name);
  else
    out.null();
  out.end_object();
  return std::move(out).take();
}

std::string write_database(const Database& database) {
  json::Writer out;
  write_one(out, database);
  return std::move(out).take();
}

std::string write_databases(const std::vector<Database>& databases) {
  return write_list(databases);
}

std::string write_heartbeat(int64_t nanoseconds) {
  json::Writer out;
  out.begin_object();
  out.key("nanosecond heartbeat");
  out.integer(nanoseconds);
  out.end_object();
  return std::move(out).take();
}

std::string write_text(std::string_view text) {
  json::Writer out;
  out.string(text);
  return std::move(out).take();
}

std::string write_count(uint64_t count) {
  json::Writer out;
  out.unsigned_integer(count);
  return std::move(out).take();
}

std::string write_error(std::string_view name, std::string_view message) {
  json::Writer out;
  out.begin_object();
  write_member(out, "error", name);
  write_member(out, "message", message);
  out.end_object();
  return std::move(out).take();
}

}  // namespace viridian::codec
