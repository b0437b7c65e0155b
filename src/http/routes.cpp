#include "http/endpoints.h"
#include "http/router.h"

// The one place where routes are declared. The OpenAPI document, the /docs page and the metrics'
// labels come from this table too.
#define DB "/api/v2/tenants/{tenant}/databases/{database}"
#define BY_ID DB "/collections/{collection_id}"
#define SNAPSHOTS "/api/v2/viridian/snapshots"

namespace viridian::http {
namespace {

namespace e = endpoints;

constexpr Route kRoutes[] = {
    {"GET", "/api/v2", "Time of the server", e::heartbeat, "", "Heartbeat"},
    {"GET", "/api/v2/heartbeat", "Time of the server", e::heartbeat, "", "Heartbeat"},
    {"GET", "/api/v2/healthcheck", "Whether the parts of the server are ready", e::healthcheck, "",
     "Health"},
    {"GET", "/api/v2/version", "Version of the server", e::version, "", "Text"},
    {"GET", "/api/v2/pre-flight-checks", "What clients should keep to", e::pre_flight, "",
     "PreFlight"},
    {"POST", "/api/v2/reset", "Delete everything, where the setting allow_reset is on", e::reset,
     "", "True"},
    {"GET", "/api/v2/auth/identity", "Who the caller is", e::identity, "", "Identity"},
    {"GET", "/api/v2/collections/{crn}", "A collection by its resource name (not offered)",
     e::get_collection_by_crn, "", "Collection"},

    {"POST", "/api/v2/tenants", "Create a tenant", e::create_tenant, "Name", "Empty"},
    {"GET", "/api/v2/tenants/{tenant}", "A tenant", e::get_tenant, "", "Tenant"},
    {"PATCH", "/api/v2/tenants/{tenant}", "Set a tenant's resource name", e::update_tenant,
     "ResourceName", "Empty"},
    {"POST", "/api/v2/tenants/{tenant}/databases", "Create a database", e::create_database, "Name",
     "Empty"},
    {"GET", "/api/v2/tenants/{tenant}/databases", "The tenant's databases, by name",
     e::list_databases, "", "Databases", 200, QueryFields::page},
    {"GET", DB, "A database", e::get_database, "", "Database"},
    {"DELETE", DB, "Delete a database and its collections", e::delete_database, "", "Empty"},

    {"POST", DB "/collections", "Create a collection, or get it", e::create_collection,
     "CreateCollection", "Collection"},
    {"GET", DB "/collections", "The database's collections, by id", e::list_collections, "",
     "Collections", 200, QueryFields::page},
    {"GET", DB "/collections_count", "How many collections the database has", e::count_collections,
     "", "Count"},
    {"GET", DB "/collections/by-id/{collection_id}", "A collection by its id",
     e::get_collection_by_id, "", "Collection"},
    {"GET", DB "/collections/{collection}", "A collection by its name", e::get_collection, "",
     "Collection"},
    {"DELETE", DB "/collections/{collection}", "Delete a collection, by its name",
     e::delete_collection, "", "Empty"},
    {"PUT", BY_ID, "Change a collection's name, metadata or configuration", e::modify_collection,
     "ModifyCollection", "Empty"},

    {"POST", BY_ID "/add", "Add records; those whose id exists stay as they are", e::add, "Records",
     "Empty", 201},
    {"POST", BY_ID "/update", "Change records; ids that do not exist are skipped", e::update,
     "RecordChanges", "Empty"},
    {"POST", BY_ID "/upsert", "Add records, or change them where the id exists", e::upsert,
     "Records", "Empty"},
    {"POST", BY_ID "/delete", "Delete records", e::delete_records, "DeleteRequest", "DeleteResult"},
    {"GET", BY_ID "/count", "How many records the collection has", e::count, "", "Count", 200,
     QueryFields::read_level},
    {"POST", BY_ID "/count", "How many records a filter finds", e::count_selected, "CountRequest",
     "Count"},
    {"POST", BY_ID "/facets", "The values that records have of metadata keys, and how often",
     e::facets, "FacetsRequest", "Facets"},
    {"POST", BY_ID "/extents", "The least and the greatest value of metadata keys", e::extents,
     "ExtentsRequest", "Extents"},
    {"POST", BY_ID "/get", "Records by id or filter", e::get, "GetRequest", "GetResult"},
    {"POST", BY_ID "/query", "The records nearest to given vectors", e::query, "QueryRequest",
     "QueryResult"},
    {"POST", BY_ID "/explain",
     "How a query or a get is answered, and why a record is, or is not, among the results",
     e::explain, "ExplainRequest", "Explanation"},

    {"POST", BY_ID "/flush", "Bring everything acknowledged from the log into files", e::flush, "",
     "Empty"},
    {"POST", BY_ID "/compact", "Flush, and leave nothing deleted or replaced in any file",
     e::compact, "", "Empty"},
    {"POST", BY_ID "/close", "Give back the collection's memory and open files until it is used",
     e::close_collection, "", "Empty"},
    {"POST", SNAPSHOTS, "Keep the state of all collections at one moment", e::create_snapshot,
     "Name", "Snapshot"},
    {"GET", SNAPSHOTS, "The snapshots, by name", e::list_snapshots, "", "Snapshots"},
    {"GET", SNAPSHOTS "/{snapshot}/verify", "Read every byte of a snapshot", e::verify_snapshot, "",
     "Snapshot"},
    {"POST", SNAPSHOTS "/{snapshot}/restore", "Make collections of what a snapshot holds",
     e::restore_snapshot, "RestoreRequest", "Collections"},
    {"DELETE", SNAPSHOTS "/{snapshot}", "Delete a snapshot", e::delete_snapshot, "", "Empty"},

    {"GET", "/api/v2/viridian/servers", "The servers that share the data and live", e::list_servers,
     "", "Servers"},

    {"POST", BY_ID "/fork", "Copy a collection (not offered)", e::not_offered, "", "Collection"},
    {"GET", BY_ID "/fork_count", "Copies of a collection (not offered)", e::not_offered, "",
     "Count"},
    {"POST", BY_ID "/search", "Ranked search (not offered)", e::not_offered, "", "Empty"},
    {"GET", BY_ID "/indexing_status", "Progress of indexing (not offered)", e::not_offered, "",
     "Empty"},
    {"POST", BY_ID "/functions/attach", "Attach a function (not offered)", e::not_offered, "",
     "Empty"},
    {"GET", BY_ID "/functions/{function}", "An attached function (there are none)", e::get_function,
     "", "Empty"},
    {"POST", BY_ID "/attached_functions/{function}/detach", "Detach a function (not offered)",
     e::not_offered, "", "Empty"},
    {"POST", BY_ID "/attached_functions/{function}/add_input",
     "Give a function another input (not offered)", e::not_offered, "", "Empty"},
    {"POST", BY_ID "/conditional/get", "Read in a transaction (not offered)", e::not_offered, "",
     "Empty"},
    {"POST", BY_ID "/conditional/commit", "Commit a transaction (not offered)", e::not_offered, "",
     "Empty"},

    {"GET", "/healthz", "200 while the process is up", e::healthz, "", "Status"},
    {"GET", "/readyz", "200 while requests are welcome, otherwise 503", e::readyz, "", "Status"},
    {"GET", "/metrics", "Metrics in the Prometheus text format", e::metrics, "", ""},
    {"GET", "/openapi.json", "This interface as an OpenAPI document", e::openapi, "", "Object"},
    {"GET", "/docs", "This interface as a page", e::docs, "", ""},
};

}  // namespace

std::span<const Route> routes() { return kRoutes; }

bool takes_long(std::string_view method, std::string_view path, bool forwarded) {
  const auto ends = [path](std::string_view end) { return path.ends_with(end); };
  return path.starts_with(SNAPSHOTS) || (method == "POST" && (ends("/flush") || ends("/compact") ||
                                                              (ends("/close") && !forwarded)));
}

bool is_for_holder(std::string_view method, std::string_view path) {
  const auto ends = [path](std::string_view end) { return path.ends_with(end); };
  return method == "PUT" || method == "DELETE" ||
         (method == "POST" && (ends("/add") || ends("/update") || ends("/upsert") ||
                               ends("/delete") || ends("/reset")));
}

}  // namespace viridian::http
