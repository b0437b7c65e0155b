#pragma once
#include <string_view>
#include <utility>

#include "viridian/spi/api.h"

namespace viridian {

/// An Api that hands each call to another one, for doubles that differ in which, or whether.
class ForwardingApi : public Api {
 public:
  Result<int64_t> heartbeat(const Context& context) override {
    VIRIDIAN_TRY(Api * api, route(context, "heartbeat"));
    return api->heartbeat(context);
  }
  Result<std::string> version(const Context& context) override {
    VIRIDIAN_TRY(Api * api, route(context, "version"));
    return api->version(context);
  }
  Result<PreFlight> pre_flight(const Context& context) override {
    VIRIDIAN_TRY(Api * api, route(context, "pre_flight"));
    return api->pre_flight(context);
  }
  Result<Identity> identity(const Context& context) override {
    VIRIDIAN_TRY(Api * api, route(context, "identity"));
    return api->identity(context);
  }
  Status reset(const Context& context) override {
    VIRIDIAN_TRY(Api * api, route(context, "reset"));
    return api->reset(context);
  }
  Status create_tenant(const Context& context, const std::string& name) override {
    VIRIDIAN_TRY(Api * api, route(context, "create_tenant"));
    return api->create_tenant(context, name);
  }
  Result<Tenant> get_tenant(const Context& context, const std::string& name) override {
    VIRIDIAN_TRY(Api * api, route(context, "get_tenant"));
    return api->get_tenant(context, name);
  }
  Status update_tenant(const Context& context, const std::string& name,
                       const std::string& resource_name) override {
    VIRIDIAN_TRY(Api * api, route(context, "update_tenant"));
    return api->update_tenant(context, name, resource_name);
  }
  Status create_database(const Context& context, const DatabasePath& path) override {
    VIRIDIAN_TRY(Api * api, route(context, "create_database"));
    return api->create_database(context, path);
  }
  Result<Database> get_database(const Context& context, const DatabasePath& path) override {
    VIRIDIAN_TRY(Api * api, route(context, "get_database"));
    return api->get_database(context, path);
  }
  Result<std::vector<Database>> list_databases(const Context& context, const std::string& tenant,
                                               const Page& page) override {
    VIRIDIAN_TRY(Api * api, route(context, "list_databases"));
    return api->list_databases(context, tenant, page);
  }
  Status delete_database(const Context& context, const DatabasePath& path) override {
    VIRIDIAN_TRY(Api * api, route(context, "delete_database"));
    return api->delete_database(context, path);
  }
  Result<Collection> create_collection(const Context& context, const DatabasePath& path,
                                       const CreateCollection& request) override {
    VIRIDIAN_TRY(Api * api, route(context, "create_collection"));
    return api->create_collection(context, path, request);
  }
  Result<Collection> get_collection(const Context& context, const DatabasePath& path,
                                    const std::string& name) override {
    VIRIDIAN_TRY(Api * api, route(context, "get_collection"));
    return api->get_collection(context, path, name);
  }
  Result<Collection> get_collection_by_id(const Context& context,
                                          const CollectionRef& ref) override {
    VIRIDIAN_TRY(Api * api, route(context, "get_collection_by_id"));
    return api->get_collection_by_id(context, ref);
  }
  Result<std::vector<Collection>> list_collections(const Context& context, const DatabasePath& path,
                                                   const Page& page) override {
    VIRIDIAN_TRY(Api * api, route(context, "list_collections"));
    return api->list_collections(context, path, page);
  }
  Result<uint64_t> count_collections(const Context& context, const DatabasePath& path) override {
    VIRIDIAN_TRY(Api * api, route(context, "count_collections"));
    return api->count_collections(context, path);
  }
  Status modify_collection(const Context& context, const CollectionRef& ref,
                           const ModifyCollection& request) override {
    VIRIDIAN_TRY(Api * api, route(context, "modify_collection"));
    return api->modify_collection(context, ref, request);
  }
  Status delete_collection(const Context& context, const DatabasePath& path,
                           const std::string& name) override {
    VIRIDIAN_TRY(Api * api, route(context, "delete_collection"));
    return api->delete_collection(context, path, name);
  }
  Result<WriteResult> write(const Context& context, const CollectionRef& ref,
                            RecordBatch batch) override {
    VIRIDIAN_TRY(Api * api, route(context, "write"));
    return api->write(context, ref, std::move(batch));
  }
  Result<DeleteResult> delete_records(const Context& context, const CollectionRef& ref,
                                      const DeleteRequest& request) override {
    VIRIDIAN_TRY(Api * api, route(context, "delete_records"));
    return api->delete_records(context, ref, request);
  }
  Result<uint64_t> count(const Context& context, const CollectionRef& ref,
                         ReadLevel level) override {
    VIRIDIAN_TRY(Api * api, route(context, "count"));
    return api->count(context, ref, level);
  }
  Result<uint64_t> count_selected(const Context& context, const CollectionRef& ref,
                                  const Selection& selection) override {
    VIRIDIAN_TRY(Api * api, route(context, "count_selected"));
    return api->count_selected(context, ref, selection);
  }
  Result<GetResult> get(const Context& context, const CollectionRef& ref,
                        const GetRequest& request) override {
    VIRIDIAN_TRY(Api * api, route(context, "get"));
    return api->get(context, ref, request);
  }
  Result<QueryResult> query(const Context& context, const CollectionRef& ref,
                            const QueryRequest& request) override {
    VIRIDIAN_TRY(Api * api, route(context, "query"));
    return api->query(context, ref, request);
  }
  Result<FacetsResult> facets(const Context& context, const CollectionRef& ref,
                              const FacetsRequest& request) override {
    VIRIDIAN_TRY(Api * api, route(context, "facets"));
    return api->facets(context, ref, request);
  }
  Result<ExtentsResult> extents(const Context& context, const CollectionRef& ref,
                                const ExtentsRequest& request) override {
    VIRIDIAN_TRY(Api * api, route(context, "extents"));
    return api->extents(context, ref, request);
  }
  Result<Explanation> explain(const Context& context, const CollectionRef& ref,
                              const ExplainRequest& request) override {
    VIRIDIAN_TRY(Api * api, route(context, "explain"));
    return api->explain(context, ref, request);
  }
  Status flush(const Context& context, const CollectionRef& ref) override {
    VIRIDIAN_TRY(Api * api, route(context, "flush"));
    return api->flush(context, ref);
  }
  Status compact(const Context& context, const CollectionRef& ref) override {
    VIRIDIAN_TRY(Api * api, route(context, "compact"));
    return api->compact(context, ref);
  }
  Status close_collection(const Context& context, const CollectionRef& ref) override {
    VIRIDIAN_TRY(Api * api, route(context, "close_collection"));
    return api->close_collection(context, ref);
  }
  Result<SnapshotInfo> create_snapshot(const Context& context, const std::string& name) override {
    VIRIDIAN_TRY(Api * api, route(context, "create_snapshot"));
    return api->create_snapshot(context, name);
  }
  Result<std::vector<SnapshotInfo>> list_snapshots(const Context& context) override {
    VIRIDIAN_TRY(Api * api, route(context, "list_snapshots"));
    return api->list_snapshots(context);
  }
  Result<SnapshotInfo> verify_snapshot(const Context& context, const std::string& name) override {
    VIRIDIAN_TRY(Api * api, route(context, "verify_snapshot"));
    return api->verify_snapshot(context, name);
  }
  Result<std::vector<Collection>> restore_snapshot(const Context& context,
                                                   const RestoreRequest& request) override {
    VIRIDIAN_TRY(Api * api, route(context, "restore_snapshot"));
    return api->restore_snapshot(context, request);
  }
  Status delete_snapshot(const Context& context, const std::string& name) override {
    VIRIDIAN_TRY(Api * api, route(context, "delete_snapshot"));
    return api->delete_snapshot(context, name);
  }
  Result<std::vector<ServerInfo>> servers(const Context& context) override {
    VIRIDIAN_TRY(Api * api, route(context, "servers"));
    return api->servers(context);
  }

 protected:
  /// Who answers a call, or with which error it ends.
  virtual Result<Api*> route(const Context& context, std::string_view call) = 0;
};

}  // namespace viridian
