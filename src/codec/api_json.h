#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/result.h"
#include "viridian/model/requests.h"

/// Bodies of the HTTP interface. For every request the server reads what the client writes, for
/// every result the client reads what the server writes.
///
/// Errors of the readers:
///   invalid_argument  not JSON ("Failed to parse the request body as JSON: ..."), or values that
///                     no call takes ("Validation error: FIELD: ...", "Invalid where clause: ...")
///   unprocessable     JSON of another shape ("Failed to deserialize the JSON body into the target
///                     type: PATH: REASON")
/// They check what is lost, or cannot be told, once the body is a model value. What a model value
/// itself may hold is checked by model/validation.h and model/schema_rules.h.
namespace viridian::codec {

/// {"name": ...}, of tenants and databases.
Result<std::string> read_name(std::string_view body);
std::string write_name(std::string_view name);
/// {"resource_name": ...}
Result<std::string> read_resource_name(std::string_view body);
std::string write_resource_name(std::string_view resource_name);

Result<CreateCollection> read_create_collection(std::string_view body);
std::string write_create_collection(const CreateCollection& request);
/// Null metadata values are kept: they say that the key goes.
Result<ModifyCollection> read_modify_collection(std::string_view body);
std::string write_modify_collection(const ModifyCollection& request);

/// The body of add, update or upsert. Embeddings as arrays of numbers or as base64 strings.
/// The metadata keys "chroma:document" and "chroma:uri" set the record's document and uri where
/// its own columns do not (another type than string: invalid_argument); other keys that begin with
/// "chroma:" are Chroma's own and are dropped.
Result<RecordBatch> read_records(std::string_view body, Operation operation);
/// Embeddings as base64.
std::string write_records(const RecordBatch& batch);

Result<GetRequest> read_get(std::string_view body);
std::string write_get(const GetRequest& request);
Result<QueryRequest> read_query(std::string_view body);
std::string write_query(const QueryRequest& request);
/// {"query_embedding": [...], "id", "n_results", "recall_target", "ids", "where", "where_document",
/// "include"}, all but the first one optional; without the first two what a get has. Nothing else.
Result<ExplainRequest> read_explain(std::string_view body);
std::string write_explain(const ExplainRequest& request);
/// {"ids", "where", "where_document"}, all optional, and nothing else.
Result<Selection> read_count_request(std::string_view body);
std::string write_count_request(const Selection& selection);
/// As a count's, with "keys", and "limit" (optional).
Result<FacetsRequest> read_facets(std::string_view body);
std::string write_facets(const FacetsRequest& request);
/// As a count's, with "keys".
Result<ExtentsRequest> read_extents(std::string_view body);
std::string write_extents(const ExtentsRequest& request);
Result<DeleteRequest> read_delete(std::string_view body);
std::string write_delete(const DeleteRequest& request);

std::string write_collection(const Collection& collection);
Result<Collection> read_collection(std::string_view body);
std::string write_collections(const std::vector<Collection>& collections);
Result<std::vector<Collection>> read_collections(std::string_view body);

std::string write_get_result(const GetResult& result);
Result<GetResult> read_get_result(std::string_view body);
std::string write_query_result(const QueryResult& result);
Result<QueryResult> read_query_result(std::string_view body);
/// {"facets": {KEY: {"values": [{"value", "count"}], "distinct", "records", "others"}}}
std::string write_facets_result(const FacetsResult& result);
Result<FacetsResult> read_facets_result(std::string_view body);
/// {"extents": {KEY: {"min", "max", "records"}}}
std::string write_extents_result(const ExtentsResult& result);
Result<ExtentsResult> read_extents_result(std::string_view body);
/// {"outcome", "rank", "distance", "results", "last_distance", "searched": {"how", "breadth"}};
/// what does not apply is null.
std::string write_explanation(const Explanation& explanation);
Result<Explanation> read_explanation(std::string_view body);
/// {"deleted": n}; the log number does not travel.
std::string write_delete_result(const DeleteResult& result);
Result<DeleteResult> read_delete_result(std::string_view body);

std::string write_identity(const Identity& identity);
Result<Identity> read_identity(std::string_view body);
std::string write_pre_flight(const PreFlight& pre_flight);
Result<PreFlight> read_pre_flight(std::string_view body);
std::string write_tenant(const Tenant& tenant);
Result<Tenant> read_tenant(std::string_view body);
std::string write_database(const Database& database);
Result<Database> read_database(std::string_view body);
std::string write_databases(const std::vector<Database>& databases);
Result<std::vector<Database>> read_databases(std::string_view body);

std::string write_snapshot(const SnapshotInfo& info);
Result<SnapshotInfo> read_snapshot(std::string_view body);
std::string write_snapshots(const std::vector<SnapshotInfo>& list);
Result<std::vector<SnapshotInfo>> read_snapshots(std::string_view body);
/// {"tenant", "database", "collection", "to_tenant", "to_database", "new_name"}, all optional,
/// tenants only together with databases. The snapshot's name is not in the body.
std::string write_restore(const RestoreRequest& request);
Result<RestoreRequest> read_restore(std::string_view body, std::string snapshot);

/// [{"id", "url", "self", "slots", "heard_ms"}]
std::string write_servers(const std::vector<ServerInfo>& list);
Result<std::vector<ServerInfo>> read_servers(std::string_view body);

/// {"nanosecond heartbeat": n}
std::string write_heartbeat(int64_t nanoseconds);
Result<int64_t> read_heartbeat(std::string_view body);
/// A JSON string, such as the version.
std::string write_text(std::string_view text);
Result<std::string> read_text(std::string_view body);
/// A bare integer, such as a count.
std::string write_count(uint64_t count);
Result<uint64_t> read_count(std::string_view body);

/// The body of a failure: {"error": name, "message": message}.
struct ErrorBody {
  std::string name;
  std::string message;
  friend bool operator==(const ErrorBody&, const ErrorBody&) = default;
};
std::string write_error(std::string_view name, std::string_view message);
Result<ErrorBody> read_error(std::string_view body);

}  // namespace viridian::codec
