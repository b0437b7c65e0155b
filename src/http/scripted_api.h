#pragma once
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "viridian/spi/api.h"

namespace viridian::http {

/// An Api that does nothing: it notes what it was asked and answers with default values, or with
/// the failure it was told to.
class ScriptedApi final : public Api {
 public:
  std::optional<Error> failure;
  CollectionRef last_ref;
  DatabasePath last_path;
  std::string last_name;
  Page last_page;
  ReadLevel last_level = ReadLevel::index_and_wal;
  size_t last_rows = 0;
  RestoreRequest last_restore;
  ExplainRequest last_explain;
  Selection last_selection;
  GetRequest last_get;
  FacetsRequest last_facets;
  ExtentsRequest last_extents;
  GetResult get_result{
      {}, {Include::documents, Include::metadatas}, {}};  ///< what it gives, as those that follow
  FacetsResult facets_result;
  ExtentsResult extents_result;
  Explanation explanation;  ///< what it gives
  Context last_context;     ///< of writes, gets, explanations and the list of servers

  Result<int64_t> heartbeat(const Context&) override {
    return answer(int64_t{1234567890123456789});
  }
  Result<std::string> version(const Context&) override { return answer(std::string("1.2.3")); }
  Result<PreFlight> pre_flight(const Context&) override { return answer(PreFlight{5461, true}); }
  Result<Identity> identity(const Context&) override {
    return answer(Identity{"", "default_tenant", {"default_database"}});
  }
  Status reset(const Context&) override { return done(); }
  Status create_tenant(const Context&, const std::string& name) override { return named(name); }
  Result<Tenant> get_tenant(const Context&, const std::string& name) override {
    last_name = name;
    return answer(Tenant{name, std::nullopt});
  }
  Status update_tenant(const Context&, const std::string& name, const std::string&) override {
    return named(name);
  }
  Status create_database(const Context&, const DatabasePath& path) override { return at(path); }
  Result<Database> get_database(const Context&, const DatabasePath& path) override {
    last_path = path;
    return answer(Database{Uuid(), path.database, path.tenant});
  }
  Result<std::vector<Database>> list_databases(const Context&, const std::string&,
                                               const Page& page) override {
    last_page = page;
    return answer(std::vector<Database>());
  }
  Status delete_database(const Context&, const DatabasePath& path) override { return at(path); }
  Result<Collection> create_collection(const Context&, const DatabasePath& path,
                                       const CreateCollection& request) override {
    last_path = path;
    return answer(collection(request.name));
  }
  Result<Collection> get_collection(const Context&, const DatabasePath& path,
                                    const std::string& name) override {
    last_path = path;
    last_name = name;
    return answer(collection(name));
  }
  Result<Collection> get_collection_by_id(const Context&, const CollectionRef& ref) override {
    last_ref = ref;
    return answer(collection("by-id"));
  }
  Result<std::vector<Collection>> list_collections(const Context&, const DatabasePath& path,
                                                   const Page& page) override {
    last_path = path;
    last_page = page;
    return answer(std::vector<Collection>());
  }
  Result<uint64_t> count_collections(const Context&, const DatabasePath&) override {
    return answer(uint64_t{3});
  }
  Status modify_collection(const Context&, const CollectionRef& ref,
                           const ModifyCollection&) override {
    last_ref = ref;
    return done();
  }
  Status delete_collection(const Context&, const DatabasePath&, const std::string& name) override {
    return named(name);
  }
  Result<WriteResult> write(const Context& context, const CollectionRef& ref,
                            RecordBatch batch) override {
    last_context = context;
    last_ref = ref;
    last_rows = batch.rows();
    return answer(WriteResult{42});
  }
  Result<DeleteResult> delete_records(const Context&, const CollectionRef& ref,
                                      const DeleteRequest&) override {
    last_ref = ref;
    return answer(DeleteResult{2, 44});
  }
  Result<uint64_t> count(const Context&, const CollectionRef& ref, ReadLevel level) override {
    last_ref = ref;
    last_level = level;
    return answer(uint64_t{7});
  }
  Result<uint64_t> count_selected(const Context&, const CollectionRef& ref,
                                  const Selection& selection) override {
    last_ref = ref;
    last_selection = selection;
    return answer(uint64_t{5});
  }
  Result<GetResult> get(const Context& context, const CollectionRef& ref,
                        const GetRequest& request) override {
    last_context = context;
    last_ref = ref;
    last_get = request;
    return answer(get_result);
  }
  Result<QueryResult> query(const Context&, const CollectionRef& ref,
                            const QueryRequest&) override {
    last_ref = ref;
    return answer(QueryResult());
  }
  Result<FacetsResult> facets(const Context&, const CollectionRef& ref,
                              const FacetsRequest& request) override {
    last_ref = ref;
    last_facets = request;
    return answer(facets_result);
  }
  Result<ExtentsResult> extents(const Context&, const CollectionRef& ref,
                                const ExtentsRequest& request) override {
    last_ref = ref;
    last_extents = request;
    return answer(extents_result);
  }
  Result<Explanation> explain(const Context& context, const CollectionRef& ref,
                              const ExplainRequest& request) override {
    last_context = context;
    last_ref = ref;
    last_explain = request;
    return answer(explanation);
  }
  Status flush(const Context&, const CollectionRef& ref) override { return of(ref); }
  Status compact(const Context&, const CollectionRef& ref) override { return of(ref); }
  Status close_collection(const Context&, const CollectionRef& ref) override { return of(ref); }
  Result<SnapshotInfo> create_snapshot(const Context&, const std::string& name) override {
    last_name = name;
    return answer(snapshot(name));
  }
  Result<std::vector<SnapshotInfo>> list_snapshots(const Context&) override {
    return answer(std::vector<SnapshotInfo>{snapshot("only")});
  }
  Result<SnapshotInfo> verify_snapshot(const Context&, const std::string& name) override {
    last_name = name;
    return answer(snapshot(name));
  }
  Result<std::vector<Collection>> restore_snapshot(const Context&,
                                                   const RestoreRequest& request) override {
    last_restore = request;
    return answer(std::vector<Collection>{collection(request.new_name.value_or("restored"))});
  }
  Status delete_snapshot(const Context&, const std::string& name) override { return named(name); }
  Result<std::vector<ServerInfo>> servers(const Context& context) override {
    last_context = context;
    return answer(std::vector<ServerInfo>{
        {"one", "http://a:1", true, 40, std::chrono::milliseconds(7)},
        {"two \"2\"", "http://b:2", false, 24, std::chrono::milliseconds(900)}});
  }

 private:
  template <class T>
  Result<T> answer(T value) {
    if (failure) return *failure;
    return value;
  }
  Status done() {
    if (failure) return *failure;
    return ok_status();
  }
  Status named(const std::string& name) {
    last_name = name;
    return done();
  }
  Status of(const CollectionRef& ref) {
    last_ref = ref;
    return done();
  }
  Status at(const DatabasePath& path) {
    last_path = path;
    return done();
  }
  static Collection collection(const std::string& name) {
    Collection made;
    made.name = name;
    return made;
  }
  static SnapshotInfo snapshot(const std::string& name) {
    return {name, 1700000000, 2, 30, 4000, 500};
  }
};

}  // namespace viridian::http
