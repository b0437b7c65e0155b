#include "cluster/api.h"

// What any server answers by itself.
namespace viridian::cluster {

Result<int64_t> Api::heartbeat(const Context& context) { return engine_.heartbeat(context); }
Result<std::string> Api::version(const Context& context) { return engine_.version(context); }
Result<PreFlight> Api::pre_flight(const Context& context) { return engine_.pre_flight(context); }
Result<Identity> Api::identity(const Context& context) { return engine_.identity(context); }

Status Api::create_tenant(const Context& context, const std::string& name) {
  return engine_.create_tenant(context, name);
}
Result<Tenant> Api::get_tenant(const Context& context, const std::string& name) {
  return engine_.get_tenant(context, name);
}
Status Api::update_tenant(const Context& context, const std::string& name,
                          const std::string& resource_name) {
  return engine_.update_tenant(context, name, resource_name);
}

Status Api::create_database(const Context& context, const DatabasePath& path) {
  return engine_.create_database(context, path);
}
Result<Database> Api::get_database(const Context& context, const DatabasePath& path) {
  return engine_.get_database(context, path);
}
Result<std::vector<Database>> Api::list_databases(const Context& context, const std::string& tenant,
                                                  const Page& page) {
  return engine_.list_databases(context, tenant, page);
}

Result<Collection> Api::create_collection(const Context& context, const DatabasePath& path,
                                          const CreateCollection& request) {
  return engine_.create_collection(context, path, request);
}
Result<Collection> Api::get_collection(const Context& context, const DatabasePath& path,
                                       const std::string& name) {
  return engine_.get_collection(context, path, name);
}
Result<Collection> Api::get_collection_by_id(const Context& context, const CollectionRef& ref) {
  return engine_.get_collection_by_id(context, ref);
}
Result<std::vector<Collection>> Api::list_collections(const Context& context,
                                                      const DatabasePath& path, const Page& page) {
  return engine_.list_collections(context, path, page);
}
Result<uint64_t> Api::count_collections(const Context& context, const DatabasePath& path) {
  return engine_.count_collections(context, path);
}

Result<uint64_t> Api::count(const Context& context, const CollectionRef& ref, ReadLevel level) {
  return engine_.count(context, ref, level);
}
Result<uint64_t> Api::count_selected(const Context& context, const CollectionRef& ref,
                                     const Selection& selection) {
  return engine_.count_selected(context, ref, selection);
}
Result<GetResult> Api::get(const Context& context, const CollectionRef& ref,
                           const GetRequest& request) {
  return engine_.get(context, ref, request);
}
Result<QueryResult> Api::query(const Context& context, const CollectionRef& ref,
                               const QueryRequest& request) {
  return engine_.query(context, ref, request);
}
Result<FacetsResult> Api::facets(const Context& context, const CollectionRef& ref,
                                 const FacetsRequest& request) {
  return engine_.facets(context, ref, request);
}
Result<ExtentsResult> Api::extents(const Context& context, const CollectionRef& ref,
                                   const ExtentsRequest& request) {
  return engine_.extents(context, ref, request);
}
Result<Explanation> Api::explain(const Context& context, const CollectionRef& ref,
                                 const ExplainRequest& request) {
  return engine_.explain(context, ref, request);
}

Result<SnapshotInfo> Api::create_snapshot(const Context& context, const std::string& name) {
  return engine_.create_snapshot(context, name);
}
Result<std::vector<SnapshotInfo>> Api::list_snapshots(const Context& context) {
  return engine_.list_snapshots(context);
}
Result<SnapshotInfo> Api::verify_snapshot(const Context& context, const std::string& name) {
  return engine_.verify_snapshot(context, name);
}
Result<std::vector<Collection>> Api::restore_snapshot(const Context& context,
                                                      const RestoreRequest& request) {
  return engine_.restore_snapshot(context, request);
}
Status Api::delete_snapshot(const Context& context, const std::string& name) {
  return engine_.delete_snapshot(context, name);
}

}  // namespace viridian::cluster
