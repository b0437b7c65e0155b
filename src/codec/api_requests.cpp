#include <fmt/format.h>

#include "codec/api_columns.h"
#include "codec/api_json.h"
#include "codec/api_selection.h"
#include "codec/fields.h"
#include "codec/values.h"

namespace viridian::codec {
namespace {

Result<std::string> read_only_text(std::string_view body, std::string_view name) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "", {name}));
  return fields.text(name);
}

std::string write_only_text(std::string_view name, std::string_view text) {
  json::Writer out;
  out.begin_object();
  out.key(name);
  out.string(text);
  out.end_object();
  return std::move(out).take();
}

Status read_include(const Fields& fields, std::vector<Include>& include) {
  const json::Value* value = fields.find("include");
  if (value == nullptr) return ok_status();
  VIRIDIAN_TRY(include, include_of(*value, "include"));
  return ok_status();
}

/// How many records are to be found, and how surely.
Status read_wanted(const Fields& fields, QueryRequest& request) {
  VIRIDIAN_TRY(const auto n_results, read_u32(fields, "n_results"));
  request.n_results = n_results.value_or(request.n_results);
  const json::Value* recall = fields.present("recall_target");
  if (recall == nullptr) return ok_status();
  VIRIDIAN_TRY(request.recall_target, as_number(*recall, "recall_target"));
  return ok_status();
}

void write_wanted(json::Writer& out, const QueryRequest& request) {
  out.key("n_results");
  out.unsigned_integer(request.n_results);
  if (!request.recall_target) return;
  out.key("recall_target");
  out.floating(*request.recall_target);
}

void write_include(json::Writer& out, const std::vector<Include>& include) {
  out.key("include");
  out.begin_array();
  for (const Include word : include) out.string(include_name(word));
  out.end_array();
}

void write_limit(json::Writer& out, std::optional<uint32_t> limit) {
  if (!limit) return;
  out.key("limit");
  out.unsigned_integer(*limit);
}

Result<Fields> get_fields(const json::Value& value, Unknown unknown) {
  return Fields::of(
      value, "",
      {"ids", "where", "where_document", "limit", "offset", "include", "order_by", "cursor"},
      unknown);
}

Result<GetRequest> get_of(const Fields& fields) {
  GetRequest request;
  VIRIDIAN_TRY(request.selection, read_selection(fields));
  VIRIDIAN_TRY(request.limit, read_u32(fields, "limit"));
  VIRIDIAN_TRY(const auto offset, read_u32(fields, "offset"));
  request.offset = offset.value_or(0);
  VIRIDIAN_TRY_VOID(read_include(fields, request.include));
  if (const json::Value* order_by = fields.present("order_by")) {
    VIRIDIAN_TRY(request.order_by, sort_keys_of(*order_by, "order_by"));
  }
  if (const json::Value* cursor = fields.present("cursor")) {
    VIRIDIAN_TRY(request.cursor, as_text(*cursor, "cursor"));
  }
  VIRIDIAN_TRY_VOID(read_filters(fields, request.selection));
  return request;
}

void write_members(json::Writer& out, const GetRequest& request) {
  write_selection(out, request.selection);
  write_limit(out, request.limit);
  out.key("offset");
  out.unsigned_integer(request.offset);
  write_include(out, request.include);
  if (!request.order_by.empty()) write_sort_keys(out, request.order_by);
  if (request.cursor) {
    out.key("cursor");
    out.string(*request.cursor);
  }
}

/// A query's body: the vectors go straight into a matrix, the rest (small) becomes a tree.
struct QueryBody {
  json::Object rest;
  std::optional<VectorColumn> vectors;
};

Result<QueryBody> read_query_body(std::string_view body, Faults& faults) {
  json::Reader reader(body);
  if (reader.kind() != json::Kind::object) return unexpected(reader, "", "an object");
  QueryBody query;
  std::string_view name;
  reader.begin_object();
  while (reader.next_member(name)) {
    if (name == "query_embeddings") {
      if (query.vectors) return shape_error("", "duplicate field `query_embeddings`");
      VIRIDIAN_TRY(query.vectors, read_vectors(reader, "query_embeddings", Rows::arrays, faults));
      continue;
    }
    json::Member& member = query.rest.emplace_back(std::string(name), json::Value());
    if (!reader.read_value(member.second)) break;
  }
  if (!reader.finish()) return reader.error();
  if (!query.vectors) return shape_error("", "missing field `query_embeddings`");
  return query;
}

}  // namespace

Result<std::string> read_name(std::string_view body) { return read_only_text(body, "name"); }
std::string write_name(std::string_view name) { return write_only_text("name", name); }
Result<std::string> read_resource_name(std::string_view body) {
  return read_only_text(body, "resource_name");
}
std::string write_resource_name(std::string_view resource_name) {
  return write_only_text("resource_name", resource_name);
}

Result<CreateCollection> read_create_collection(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(
      const Fields fields,
      Fields::of(value, "", {"name", "metadata", "configuration", "schema", "get_or_create"}));
  CreateCollection request;
  VIRIDIAN_TRY(request.name, fields.text("name"));
  VIRIDIAN_TRY(request.get_or_create, fields.boolean_or("get_or_create", false));
  if (const json::Value* configuration = fields.present("configuration")) {
    VIRIDIAN_TRY(request.configuration, configuration_of(*configuration, "configuration", false));
  }
  // A schema's one check of values, on the customer key, waits for the metadata's shape.
  auto schema = Result<Schema>(Schema());
  const json::Value* given = fields.present("schema");
  if (given != nullptr) schema = schema_of(*given, "schema");
  if (!schema.ok() && schema.error().code() == Code::unprocessable) return schema.error();
  if (const json::Value* metadata = fields.present("metadata")) {
    VIRIDIAN_TRY(request.metadata, collection_metadata(*metadata, "metadata", false));
  }
  if (!schema.ok()) return schema.error();
  if (given != nullptr) request.schema = *std::move(schema);
  return request;
}

std::string write_create_collection(const CreateCollection& request) {
  json::Writer out;
  out.begin_object();
  out.key("name");
  out.string(request.name);
  if (request.metadata) {
    out.key("metadata");
    write(out, *request.metadata);
  }
  if (request.configuration) {
    out.key("configuration");
    write(out, *request.configuration);
  }
  if (request.schema) {
    out.key("schema");
    write(out, *request.schema);
  }
  out.key("get_or_create");
  out.boolean(request.get_or_create);
  out.end_object();
  return std::move(out).take();
}

Result<ModifyCollection> read_modify_collection(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, "", {"new_name", "new_metadata", "new_configuration"}));
  ModifyCollection request;
  if (const json::Value* name = fields.present("new_name")) {
    VIRIDIAN_TRY(request.name, as_text(*name, "new_name"));
  }
  if (const json::Value* configuration = fields.present("new_configuration")) {
    VIRIDIAN_TRY(request.configuration,
                 configuration_of(*configuration, "new_configuration", true));
  }
  if (const json::Value* metadata = fields.present("new_metadata")) {
    VIRIDIAN_TRY(request.metadata, collection_metadata(*metadata, "new_metadata", true));
  }
  return request;
}

std::string write_modify_collection(const ModifyCollection& request) {
  json::Writer out;
  out.begin_object();
  if (request.name) {
    out.key("new_name");
    out.string(*request.name);
  }
  if (request.metadata) {
    out.key("new_metadata");
    write(out, *request.metadata);
  }
  if (request.configuration) {
    out.key("new_configuration");
    write(out, *request.configuration);
  }
  out.end_object();
  return std::move(out).take();
}

Result<GetRequest> read_get(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields, get_fields(value, Unknown::ignored));
  return get_of(fields);
}

std::string write_get(const GetRequest& request) {
  json::Writer out;
  out.begin_object();
  write_members(out, request);
  out.end_object();
  return std::move(out).take();
}

Result<QueryRequest> read_query(std::string_view body) {
  Faults faults;
  VIRIDIAN_TRY(QueryBody parts, read_query_body(body, faults));
  const json::Value rest(std::move(parts.rest));
  VIRIDIAN_TRY(const Fields fields, Fields::of(rest, "",
                                               {"ids", "where", "where_document", "n_results",
                                                "include", "recall_target"}));
  QueryRequest request;
  VIRIDIAN_TRY(request.selection, read_selection(fields));
  VIRIDIAN_TRY_VOID(read_wanted(fields, request));
  VIRIDIAN_TRY_VOID(read_include(fields, request.include));
  VIRIDIAN_TRY_VOID(faults.status());
  VIRIDIAN_TRY_VOID(read_filters(fields, request.selection));
  request.n_queries = static_cast<uint32_t>(parts.vectors->rows());
  request.vectors = std::move(parts.vectors->matrix);
  return request;
}

std::string write_query(const QueryRequest& request) {
  json::Writer out;
  out.begin_object();
  out.key("query_embeddings");
  out.begin_array();
  // Not vectors.rows(): vectors without numbers are still queries, which the server refuses.
  for (size_t row = 0; row < request.n_queries; ++row) {
    out.begin_array();
    for (size_t i = 0; i < request.vectors.dim; ++i) out.floating(request.vectors.row(row)[i]);
    out.end_array();
  }
  out.end_array();
  write_wanted(out, request);
  write_selection(out, request.selection);
  write_include(out, request.include);
  out.end_object();
  return std::move(out).take();
}

Result<ExplainRequest> read_explain(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields shape, Fields::of(value, "", {"query_embedding", "id"}));
  // A record is explained among the results of a query.
  const bool is_get = shape.find("query_embedding") == nullptr && shape.find("id") == nullptr;
  ExplainRequest request;
  if (is_get) {
    VIRIDIAN_TRY(const Fields fields, get_fields(value, Unknown::refused));
    VIRIDIAN_TRY(request.get, get_of(fields));
    return request;
  }
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, "",
                          {"query_embedding", "id", "n_results", "recall_target", "ids", "where",
                           "where_document", "include"},
                          Unknown::refused));
  if (const json::Value* id = fields.present("id")) {
    VIRIDIAN_TRY(request.id, as_text(*id, "id"));
  }
  QueryRequest& query = request.query;
  VIRIDIAN_TRY(const json::Value* vector, fields.require("query_embedding"));
  VIRIDIAN_TRY(const json::Array* numbers, as_array(*vector, "query_embedding"));
  for (const json::Value& number : *numbers) {
    VIRIDIAN_TRY(const double element,
                 as_number(number, element_path("query_embedding", query.vectors.values.size())));
    query.vectors.values.push_back(static_cast<float>(element));
  }
  query.vectors.dim = static_cast<uint32_t>(numbers->size());
  query.n_queries = 1;
  VIRIDIAN_TRY(query.selection, read_selection(fields));
  VIRIDIAN_TRY_VOID(read_wanted(fields, query));
  VIRIDIAN_TRY_VOID(read_include(fields, query.include));
  VIRIDIAN_TRY_VOID(read_filters(fields, query.selection));
  return request;
}

std::string write_explain(const ExplainRequest& request) {
  json::Writer out;
  out.begin_object();
  if (request.id) {
    out.key("id");
    out.string(*request.id);
  }
  if (request.get) {
    write_members(out, *request.get);
  } else {
    out.key("query_embedding");
    out.begin_array();
    for (const float element : request.query.vectors.values) out.floating(double{element});
    out.end_array();
    write_wanted(out, request.query);
    write_selection(out, request.query.selection);
    write_include(out, request.query.include);
  }
  out.end_object();
  return std::move(out).take();
}

Result<DeleteRequest> read_delete(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, "", {"ids", "where", "where_document", "limit"}));
  DeleteRequest request;
  VIRIDIAN_TRY(request.selection, read_selection(fields));
  VIRIDIAN_TRY(request.limit, read_u32(fields, "limit"));
  VIRIDIAN_TRY_VOID(read_filters(fields, request.selection));
  return request;
}

std::string write_delete(const DeleteRequest& request) {
  json::Writer out;
  out.begin_object();
  write_selection(out, request.selection);
  write_limit(out, request.limit);
  out.end_object();
  return std::move(out).take();
}

}  // namespace viridian::codec
