#include "http/endpoints.h"

#include <algorithm>
#include <utility>

#include "codec/api_json.h"
#include "http/openapi.h"

namespace viridian::http::endpoints {

Result<Response> heartbeat(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const int64_t now, services.api.heartbeat(call.request.context));
  return json(codec::write_heartbeat(now));
}

Result<Response> healthcheck(const Services& services, const Call&) {
  const bool ready = services.ready();
  return ready ? json(R"({"is_executor_ready":true,"is_log_client_ready":true})")
               : json(R"({"is_executor_ready":false,"is_log_client_ready":false})", 503);
}

Result<Response> version(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::string text, services.api.version(call.request.context));
  return json(codec::write_text(text));
}

Result<Response> pre_flight(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const PreFlight checks, services.api.pre_flight(call.request.context));
  return json(codec::write_pre_flight(checks));
}

Result<Response> reset(const Services& services, const Call& call) {
  VIRIDIAN_TRY_VOID(services.api.reset(call.request.context));
  return json("true");
}

Result<Response> identity(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const Identity who, services.api.identity(call.request.context));
  return json(codec::write_identity(who));
}

Result<Response> healthz(const Services&, const Call&) { return json(R"({"status":"up"})"); }

Result<Response> readyz(const Services& services, const Call&) {
  if (!services.ready()) return Error(Code::unavailable, "The server is starting or stopping");
  return json(R"({"status":"ready"})");
}

Result<Response> metrics(const Services& services, const Call&) {
  return Response{200, "text/plain; version=0.0.4; charset=utf-8", services.metrics(), {}};
}

Result<Response> openapi(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::string text, services.api.version(call.request.context));
  return json(openapi_document(routes(), text));
}

Result<Response> docs(const Services&, const Call&) {
  return Response{200, "text/html; charset=utf-8", docs_page(routes()), {}};
}

Result<Response> create_tenant(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::string name, codec::read_name(call.request.body));
  VIRIDIAN_TRY_VOID(services.api.create_tenant(call.request.context, name));
  return json("{}");
}

Result<Response> get_tenant(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const Tenant tenant,
               services.api.get_tenant(call.request.context, call.parameter("tenant")));
  return json(codec::write_tenant(tenant));
}

Result<Response> update_tenant(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::string name, codec::read_resource_name(call.request.body));
  VIRIDIAN_TRY_VOID(
      services.api.update_tenant(call.request.context, call.parameter("tenant"), name));
  return json("{}");
}

Result<Response> create_database(const Services& services, const Call& call) {
  VIRIDIAN_TRY(std::string name, codec::read_name(call.request.body));
  const DatabasePath path{call.parameter("tenant"), std::move(name)};
  VIRIDIAN_TRY_VOID(services.api.create_database(call.request.context, path));
  return json("{}");
}

Result<Response> list_databases(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const Page part, page(call));
  VIRIDIAN_TRY(const std::vector<Database> databases,
               services.api.list_databases(call.request.context, call.parameter("tenant"), part));
  return json(codec::write_databases(databases));
}

Result<Response> get_database(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY(const Database database, services.api.get_database(call.request.context, path));
  return json(codec::write_database(database));
}

Result<Response> delete_database(const Services& services, const Call& call) {
  const DatabasePath path{call.parameter("tenant"), call.parameter("database")};
  VIRIDIAN_TRY_VOID(services.api.delete_database(call.request.context, path));
  return json("{}");
}

Result<Response> get_collection_by_crn(const Services&, const Call& call) {
  const std::string& crn = call.parameter("crn");
  const size_t first = crn.find(':');
  const size_t second = first == std::string::npos ? first : crn.find(':', first + 1);
  const bool three_parts = second != std::string::npos && first > 0 && second > first + 1 &&
                           second + 1 < crn.size() &&
                           crn.find(':', second + 1) == std::string::npos;
  if (!three_parts) {
    return Error(Code::invalid_argument,
                 "Validation error: crn: CRN must be in the format "
                 "<tenant_resource_name>:<database_name>:<collection_name> with non-empty parts");
  }
  return Error(Code::unimplemented,
               "Finding a collection by its resource name is not offered by a single node");
}

Result<Response> create_collection(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const CreateCollection request, codec::read_create_collection(call.request.body));
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY(const Collection collection,
               services.api.create_collection(call.request.context, path, request));
  return json(codec::write_collection(collection));
}

Result<Response> list_collections(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const Page part, page(call));
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY(const std::vector<Collection> collections,
               services.api.list_collections(call.request.context, path, part));
  return json(codec::write_collections(collections));
}

Result<Response> count_collections(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY(const uint64_t count, services.api.count_collections(call.request.context, path));
  return json(codec::write_count(count));
}

Result<Response> get_collection(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY(
      const Collection collection,
      services.api.get_collection(call.request.context, path, call.parameter("collection")));
  return json(codec::write_collection(collection));
}

Result<Response> get_collection_by_id(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  const std::optional<Uuid> id = Uuid::parse(call.parameter("collection_id"));
  if (!id) {
    return Error(Code::invalid_argument,
                 "Validation error: collection_id: Invalid collection ID format, expected UUID");
  }
  VIRIDIAN_TRY(const Collection collection,
               services.api.get_collection_by_id(call.request.context, {path, *id}));
  return json(codec::write_collection(collection));
}

Result<Response> modify_collection(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const ModifyCollection request, codec::read_modify_collection(call.request.body));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY_VOID(services.api.modify_collection(call.request.context, ref, request));
  return json("{}");
}

Result<Response> delete_collection(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY_VOID(
      services.api.delete_collection(call.request.context, path, call.parameter("collection")));
  return json("{}");
}

Result<Response> not_offered(const Services&, const Call&) {
  return Error(Code::unimplemented, "This call is not offered by a single node");
}

Result<Response> get_function(const Services&, const Call&) {
  return Error(Code::not_found, "Attached function not found");
}

}  // namespace viridian::http::endpoints
