#pragma once
#include "http/router.h"

/// One function per route: reads the body, then the path, calls the Api, writes the answer.
namespace viridian::http::endpoints {

Result<Response> heartbeat(const Services&, const Call&);
Result<Response> healthcheck(const Services&, const Call&);
Result<Response> version(const Services&, const Call&);
Result<Response> pre_flight(const Services&, const Call&);
Result<Response> reset(const Services&, const Call&);
Result<Response> identity(const Services&, const Call&);
Result<Response> healthz(const Services&, const Call&);
Result<Response> readyz(const Services&, const Call&);
Result<Response> metrics(const Services&, const Call&);
Result<Response> openapi(const Services&, const Call&);
Result<Response> docs(const Services&, const Call&);

Result<Response> create_tenant(const Services&, const Call&);
Result<Response> get_tenant(const Services&, const Call&);
Result<Response> update_tenant(const Services&, const Call&);
Result<Response> create_database(const Services&, const Call&);
Result<Response> list_databases(const Services&, const Call&);
Result<Response> get_database(const Services&, const Call&);
Result<Response> delete_database(const Services&, const Call&);

Result<Response> get_collection_by_crn(const Services&, const Call&);
Result<Response> create_collection(const Services&, const Call&);
Result<Response> list_collections(const Services&, const Call&);
Result<Response> count_collections(const Services&, const Call&);
Result<Response> get_collection(const Services&, const Call&);
Result<Response> get_collection_by_id(const Services&, const Call&);
Result<Response> modify_collection(const Services&, const Call&);
Result<Response> delete_collection(const Services&, const Call&);

Result<Response> add(const Services&, const Call&);
Result<Response> update(const Services&, const Call&);
Result<Response> upsert(const Services&, const Call&);
Result<Response> delete_records(const Services&, const Call&);
Result<Response> count(const Services&, const Call&);
Result<Response> count_selected(const Services&, const Call&);
Result<Response> facets(const Services&, const Call&);
Result<Response> extents(const Services&, const Call&);
Result<Response> get(const Services&, const Call&);
Result<Response> query(const Services&, const Call&);
Result<Response> explain(const Services&, const Call&);

Result<Response> flush(const Services&, const Call&);
Result<Response> compact(const Services&, const Call&);
Result<Response> close_collection(const Services&, const Call&);
Result<Response> create_snapshot(const Services&, const Call&);
Result<Response> list_snapshots(const Services&, const Call&);
Result<Response> verify_snapshot(const Services&, const Call&);
Result<Response> restore_snapshot(const Services&, const Call&);
Result<Response> delete_snapshot(const Services&, const Call&);
Result<Response> list_servers(const Services&, const Call&);

/// For routes of Chroma's hosted service that a single node does not offer.
Result<Response> not_offered(const Services&, const Call&);
Result<Response> get_function(const Services&, const Call&);

/// The database that the path names.
///   invalid_argument  its name is too short to be one
Result<DatabasePath> database_path(const Call&);
/// The collection that the path names by id.
Result<CollectionRef> collection_ref(const Call&);
/// `limit` and `offset` of the query string.
Result<Page> page(const Call&);
/// `read_level` of the query string.
Result<ReadLevel> read_level(const Call&);

/// An answer with a JSON body.
Response json(std::string body, int status = 200);

}  // namespace viridian::http::endpoints
