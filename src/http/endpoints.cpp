#include "http/endpoints.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "codec/api_json.h"
#include "codec/json.h"
#include "http/openapi.h"

namespace viridian::http::endpoints {
namespace {

/// How long the parts may take to say how they are.
constexpr std::chrono::seconds kHealthTimeout{2};

std::vector<HealthFinding> findings(const Services& services) {
  if (!services.health) return {};
  return services.health(Context::with_timeout(kHealthTimeout));
}

bool serving(const std::vector<HealthFinding>& findings) {
  return std::all_of(findings.begin(), findings.end(),
                     [](const HealthFinding& finding) { return finding.serving; });
}

void write_findings(json::Writer& out, const std::vector<HealthFinding>& findings) {
  if (findings.empty()) return;
  out.key("findings");
  out.begin_array();
  for (const HealthFinding& finding : findings) out.string(finding.what);
  out.end_array();
}

}  // namespace

Result<Response> heartbeat(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const int64_t now, services.api.heartbeat(call.context));
  return json(codec::write_heartbeat(now));
}

Result<Response> healthcheck(const Services& services, const Call&) {
  const bool ready = services.ready();
  const std::vector<HealthFinding> found = findings(services);
  const bool healthy = ready && serving(found);
  json::Writer out;
  out.begin_object();
  out.key("is_executor_ready");
  out.boolean(ready);
  out.key("is_log_client_ready");
  out.boolean(healthy);
  write_findings(out, found);
  out.end_object();
  return json(std::move(out).take(), healthy ? 200 : 503);
}

Result<Response> version(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::string text, services.api.version(call.context));
  return json(codec::write_text(text));
}

Result<Response> pre_flight(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const PreFlight checks, services.api.pre_flight(call.context));
  return json(codec::write_pre_flight(checks));
}

Result<Response> reset(const Services& services, const Call& call) {
  VIRIDIAN_TRY_VOID(services.api.reset(call.context));
  return json("true");
}

Result<Response> identity(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const Identity who, services.api.identity(call.context));
  return json(codec::write_identity(who));
}

Result<Response> healthz(const Services&, const Call&) { return json(R"({"status":"up"})"); }

Result<Response> readyz(const Services& services, const Call&) {
  if (!services.ready()) return Error(Code::unavailable, "The server is starting or stopping");
  const std::vector<HealthFinding> found = findings(services);
  if (!serving(found)) {
    std::string why;
    for (const HealthFinding& finding : found) why += (why.empty() ? "" : "; ") + finding.what;
    return Error(Code::unavailable, why);
  }
  json::Writer out;
  out.begin_object();
  out.key("status");
  out.string("ready");
  write_findings(out, found);
  out.end_object();
  return json(std::move(out).take());
}

Result<Response> metrics(const Services& services, const Call&) {
  return Response{200, "text/plain; version=0.0.4; charset=utf-8", services.metrics(), {}};
}

Result<Response> openapi(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::string text, services.api.version(call.context));
  return json(openapi_document(routes(), text));
}

Result<Response> docs(const Services&, const Call&) {
  return Response{200, "text/html; charset=utf-8", docs_page(routes()), {}};
}

Result<Response> create_tenant(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::string name, codec::read_name(call.request.body));
  VIRIDIAN_TRY_VOID(services.api.create_tenant(call.context, name));
  return json("{}");
}

Result<Response> get_tenant(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const Tenant tenant,
               services.api.get_tenant(call.context, call.parameter("tenant")));
  return json(codec::write_tenant(tenant));
}

Result<Response> update_tenant(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::string name, codec::read_resource_name(call.request.body));
  VIRIDIAN_TRY_VOID(services.api.update_tenant(call.context, call.parameter("tenant"), name));
  return json("{}");
}

Result<Response> create_database(const Services& services, const Call& call) {
  VIRIDIAN_TRY(std::string name, codec::read_name(call.request.body));
  const DatabasePath path{call.parameter("tenant"), std::move(name)};
  VIRIDIAN_TRY_VOID(services.api.create_database(call.context, path));
  return json("{}");
}

Result<Response> list_databases(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const Page part, page(call));
  VIRIDIAN_TRY(const std::vector<Database> databases,
               services.api.list_databases(call.context, call.parameter("tenant"), part));
  return json(codec::write_databases(databases));
}

Result<Response> get_database(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY(const Database database, services.api.get_database(call.context, path));
  return json(codec::write_database(database));
}

Result<Response> delete_database(const Services& services, const Call& call) {
  const DatabasePath path{call.parameter("tenant"), call.parameter("database")};
  VIRIDIAN_TRY_VOID(services.api.delete_database(call.context, path));
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
               services.api.create_collection(call.context, path, request));
  return json(codec::write_collection(collection));
}

Result<Response> list_collections(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const Page part, page(call));
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY(const std::vector<Collection> collections,
               services.api.list_collections(call.context, path, part));
  return json(codec::write_collections(collections));
}

Result<Response> count_collections(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY(const uint64_t count, services.api.count_collections(call.context, path));
  return json(codec::write_count(count));
}

Result<Response> get_collection(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY(const Collection collection,
               services.api.get_collection(call.context, path, call.parameter("collection")));
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
               services.api.get_collection_by_id(call.context, {path, *id}));
  return json(codec::write_collection(collection));
}

Result<Response> modify_collection(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const ModifyCollection request, codec::read_modify_collection(call.request.body));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY_VOID(services.api.modify_collection(call.context, ref, request));
  return json("{}");
}

Result<Response> delete_collection(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const DatabasePath path, database_path(call));
  VIRIDIAN_TRY_VOID(
      services.api.delete_collection(call.context, path, call.parameter("collection")));
  return json("{}");
}

Result<Response> not_offered(const Services&, const Call&) {
  return Error(Code::unimplemented, "This call is not offered by a single node");
}

Result<Response> get_function(const Services&, const Call&) {
  return Error(Code::not_found, "Attached function not found");
}

}  // namespace viridian::http::endpoints
