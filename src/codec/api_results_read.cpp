#include <fmt/format.h>

#include "codec/api_columns.h"
#include "codec/api_json.h"
#include "codec/fields.h"
#include "codec/values.h"

namespace viridian::codec {
namespace {

/// A member, null counting as absent, that must be there.
Result<const json::Value*> due(const Fields& fields, std::string_view name) {
  const json::Value* value = fields.present(name);
  if (value == nullptr) return shape_error("", fmt::format("missing field `{}`", name));
  return value;
}

Result<Uuid> read_uuid(const Fields& fields, std::string_view name) {
  VIRIDIAN_TRY(const std::string text, fields.text(name));
  const auto id = Uuid::parse(text);
  if (!id) return shape_error(fields.path_of(name), fmt::format("not a UUID: {}", text));
  return *id;
}

Result<Collection> collection_of(const json::Value& value, std::string path) {
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, std::move(path),
                          {"id", "name", "schema", "metadata", "dimension", "tenant", "database"}));
  Collection collection;
  VIRIDIAN_TRY(collection.id, read_uuid(fields, "id"));
  VIRIDIAN_TRY(collection.name, fields.text("name"));
  VIRIDIAN_TRY(collection.tenant, fields.text("tenant"));
  VIRIDIAN_TRY(collection.database, fields.text("database"));
  if (const json::Value* schema = fields.present("schema")) {
    VIRIDIAN_TRY(collection.schema, schema_of(*schema, fields.path_of("schema")));
  }
  if (const json::Value* metadata = fields.present("metadata")) {
    VIRIDIAN_TRY(collection.metadata, record_metadata(*metadata, fields.path_of("metadata")));
  }
  if (const json::Value* dimension = fields.present("dimension")) {
    VIRIDIAN_TRY(collection.dimension, as_u32(*dimension, fields.path_of("dimension")));
  }
  return collection;
}

Result<Database> database_of(const json::Value& value, std::string path) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, std::move(path), {"id", "name", "tenant"}));
  Database database;
  VIRIDIAN_TRY(database.id, read_uuid(fields, "id"));
  VIRIDIAN_TRY(database.name, fields.text("name"));
  VIRIDIAN_TRY(database.tenant, fields.text("tenant"));
  return database;
}

/// A column of metadata: objects and nulls.
Result<std::vector<std::optional<Metadata>>> read_metadatas(json::Reader& reader,
                                                            std::string_view path) {
  if (reader.kind() != json::Kind::array) return unexpected(reader, path, "an array");
  std::vector<std::optional<Metadata>> column;
  reader.begin_array();
  while (reader.next_element()) {
    json::Value value;
    if (!reader.read_value(value)) break;
    auto& metadata = column.emplace_back();
    if (value.is_null()) continue;
    VIRIDIAN_TRY(metadata, record_metadata(value, element_path(path, column.size() - 1)));
  }
  if (reader.failed()) return reader.error();
  return column;
}

Result<Matrix> read_matrix(json::Reader& reader, std::string_view path) {
  Faults faults;
  VIRIDIAN_TRY(VectorColumn column, read_vectors(reader, path, Rows::base64_too, faults));
  VIRIDIAN_TRY_VOID(faults.status());
  return std::move(column.matrix);
}

Result<std::vector<float>> read_distances(json::Reader& reader, std::string_view path) {
  if (reader.kind() != json::Kind::array) return unexpected(reader, path, "an array of numbers");
  FloatBuffer values;
  bool only_numbers = false;
  reader.begin_array();
  if (!reader.read_floats(values, only_numbers)) return reader.error();
  if (!only_numbers) return unexpected(reader, path, "numbers only");
  return std::vector<float>(values.begin(), values.end());
}

/// One column's value, into the record columns.
Status read_column(json::Reader& reader, std::string_view name, RecordColumns& records) {
  if (name == "ids") {
    VIRIDIAN_TRY(records.ids, read_strings(reader, name));
  } else if (name == "embeddings") {
    VIRIDIAN_TRY(records.embeddings, read_matrix(reader, name));
  } else if (name == "documents") {
    VIRIDIAN_TRY(records.documents, read_nullable_strings(reader, name));
  } else if (name == "uris") {
    VIRIDIAN_TRY(records.uris, read_nullable_strings(reader, name));
  } else {
    VIRIDIAN_TRY(records.metadatas, read_metadatas(reader, name));
  }
  return ok_status();
}

bool is_column(std::string_view name) {
  return name == "ids" || name == "embeddings" || name == "documents" || name == "uris" ||
         name == "metadatas";
}

Result<std::vector<Include>> read_include(json::Reader& reader) {
  json::Value value;
  if (!reader.read_value(value)) return reader.error();
  return include_of(value, "include");
}

/// Columns of one result have a row for each id, or none.
Status check_rows(const RecordColumns& records) {
  const auto fits = [&](size_t size) { return size == 0 || size == records.ids.size(); };
  if (fits(records.embeddings.rows()) && fits(records.documents.size()) &&
      fits(records.uris.size()) && fits(records.metadatas.size()))
    return ok_status();
  return shape_error("", "columns of different lengths");
}

/// The member of a query result: its column for each query.
Status read_query_column(json::Reader& reader, std::string_view name, QueryResult& result) {
  if (reader.kind() == json::Kind::null) {
    return reader.read_null() ? ok_status() : Status(reader.error());
  }
  if (reader.kind() != json::Kind::array) return unexpected(reader, name, "an array of arrays");
  size_t query = 0;
  reader.begin_array();
  while (reader.next_element()) {
    if (name == "distances") {
      VIRIDIAN_TRY(auto distances, read_distances(reader, element_path(name, query)));
      result.distances.push_back(std::move(distances));
    } else {
      if (query == result.records.size()) result.records.emplace_back();
      VIRIDIAN_TRY_VOID(read_column(reader, name, result.records[query]));
    }
    ++query;
  }
  return reader.failed() ? Status(reader.error()) : ok_status();
}

Status check_queries(const QueryResult& result) {
  for (const RecordColumns& records : result.records) VIRIDIAN_TRY_VOID(check_rows(records));
  if (result.distances.empty()) return ok_status();
  if (result.distances.size() != result.records.size())
    return shape_error("distances", "not one list per query");
  for (size_t i = 0; i < result.distances.size(); ++i)
    if (result.distances[i].size() != result.records[i].ids.size())
      return shape_error(element_path("distances", i), "not one number per id");
  return ok_status();
}

/// Null: nothing follows.
Result<std::string> read_next_cursor(json::Reader& reader) {
  std::string_view cursor;
  if (reader.kind() == json::Kind::null) {
    reader.read_null();
  } else if (!reader.read_string(cursor)) {
    return unexpected(reader, "next_cursor", "a string or null");
  }
  return std::string(cursor);
}

}  // namespace

Result<Collection> read_collection(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  return collection_of(value, "");
}

Result<std::vector<Collection>> read_collections(std::string_view body) {
  return read_list<Collection>(body, collection_of);
}

Result<GetResult> read_get_result(std::string_view body) {
  json::Reader reader(body);
  if (reader.kind() != json::Kind::object) return unexpected(reader, "", "an object");
  GetResult result;
  std::string_view member;
  reader.begin_object();
  while (reader.next_member(member)) {
    const std::string name(member);
    if (name == "include") {
      VIRIDIAN_TRY(result.include, read_include(reader));
    } else if (is_column(name) && reader.kind() != json::Kind::null) {
      VIRIDIAN_TRY_VOID(read_column(reader, name, result.records));
    } else if (name == "next_cursor") {
      VIRIDIAN_TRY(result.next_cursor, read_next_cursor(reader));
    } else if (!reader.skip()) {
      break;
    }
  }
  if (!reader.finish()) return reader.error();
  VIRIDIAN_TRY_VOID(check_rows(result.records));
  return result;
}

Result<QueryResult> read_query_result(std::string_view body) {
  json::Reader reader(body);
  if (reader.kind() != json::Kind::object) return unexpected(reader, "", "an object");
  QueryResult result;
  std::string_view member;
  reader.begin_object();
  while (reader.next_member(member)) {
    const std::string name(member);
    if (name == "include") {
      VIRIDIAN_TRY(result.include, read_include(reader));
    } else if (is_column(name) || name == "distances") {
      VIRIDIAN_TRY_VOID(read_query_column(reader, name, result));
    } else if (!reader.skip()) {
      break;
    }
  }
  if (!reader.finish()) return reader.error();
  VIRIDIAN_TRY_VOID(check_queries(result));
  return result;
}

Result<DeleteResult> read_delete_result(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "", {"deleted"}));
  VIRIDIAN_TRY(const json::Value* deleted, due(fields, "deleted"));
  DeleteResult result;
  VIRIDIAN_TRY(result.deleted, as_unsigned(*deleted, "deleted"));
  return result;
}

Result<Identity> read_identity(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "", {"user_id", "tenant", "databases"}));
  Identity identity;
  VIRIDIAN_TRY(identity.user_id, fields.text("user_id"));
  VIRIDIAN_TRY(identity.tenant, fields.text("tenant"));
  VIRIDIAN_TRY(const json::Value* databases, due(fields, "databases"));
  VIRIDIAN_TRY(const json::Array* names, as_array(*databases, "databases"));
  for (const json::Value& name : *names) {
    VIRIDIAN_TRY(std::string database,
                 as_text(name, element_path("databases", identity.databases.size())));
    identity.databases.push_back(std::move(database));
  }
  return identity;
}

Result<PreFlight> read_pre_flight(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, "", {"max_batch_size", "supports_base64_encoding"}));
  PreFlight pre_flight;
  VIRIDIAN_TRY(const json::Value* size, due(fields, "max_batch_size"));
  VIRIDIAN_TRY(pre_flight.max_batch_size, as_u32(*size, "max_batch_size"));
  VIRIDIAN_TRY(pre_flight.supports_base64_encoding,
               fields.boolean_or("supports_base64_encoding", false));
  return pre_flight;
}

Result<Tenant> read_tenant(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "", {"name", "resource_name"}));
  Tenant tenant;
  VIRIDIAN_TRY(tenant.name, fields.text("name"));
  if (const json::Value* resource = fields.present("resource_name")) {
    VIRIDIAN_TRY(tenant.resource_name, as_text(*resource, "resource_name"));
  }
  return tenant;
}

Result<Database> read_database(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  return database_of(value, "");
}

Result<std::vector<Database>> read_databases(std::string_view body) {
  return read_list<Database>(body, database_of);
}

Result<int64_t> read_heartbeat(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "", {"nanosecond heartbeat"}));
  VIRIDIAN_TRY(const json::Value* beat, due(fields, "nanosecond heartbeat"));
  return as_integer(*beat, "nanosecond heartbeat");
}

Result<std::string> read_text(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  return as_text(value, "");
}

Result<uint64_t> read_count(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  return as_unsigned(value, "");
}

Result<ErrorBody> read_error(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "", {"error", "message"}));
  ErrorBody error;
  VIRIDIAN_TRY(error.name, fields.text("error"));
  VIRIDIAN_TRY(error.message, fields.text("message"));
  return error;
}

}  // namespace viridian::codec
