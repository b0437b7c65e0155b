#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "viridian/spi/component.h"
#include "viridian/spi/sysdb.h"

namespace viridian::mem {

/// A SysDb that forgets everything when it goes: for tests, and for a library that keeps nothing.
class SysDb final : public Component, public viridian::SysDb {
 public:
  static Result<std::unique_ptr<SysDb>> create(System& system);
  SysDb();

  Status create_tenant(const Context&, const std::string& name) override;
  Result<Tenant> get_tenant(const Context&, const std::string& name) override;
  Status set_tenant_resource_name(const Context&, const std::string& name,
                                  const std::string& resource_name) override;

  Result<Database> create_database(const Context&, const DatabasePath&) override;
  Result<Database> get_database(const Context&, const DatabasePath&) override;
  Result<std::vector<Database>> list_databases(const Context&, const std::string& tenant,
                                               const Page&) override;
  Result<std::vector<CollectionId>> delete_database(const Context&, const DatabasePath&) override;

  Status create_collection(const Context&, const Collection&,
                           const std::vector<Segment>& segments) override;
  Result<Collection> get_collection(const Context&, const DatabasePath&,
                                    const std::string& name) override;
  Result<Collection> get_collection(const Context&, const CollectionId&) override;
  Result<std::vector<Collection>> list_collections(const Context&, const DatabasePath&,
                                                   const Page&) override;
  Result<uint64_t> count_collections(const Context&, const DatabasePath&) override;
  Result<Collection> update_collection(const Context&, const CollectionId&,
                                       const CollectionChange&) override;
  Status delete_collection(const Context&, const CollectionId&) override;

  Result<std::vector<Segment>> list_segments(const Context&, const CollectionId&) override;
  Status publish(const Context&, const CollectionId&,
                 const std::vector<SegmentChange>& changes) override;
  Result<std::vector<CollectionId>> collections_with_garbage(const Context&,
                                                             int64_t before) override;
  Result<std::vector<CollectionId>> all_collections(const Context&) override;

  Status reset(const Context&) override;

 private:
  struct Row {
    Collection collection;
    std::vector<Segment> segments;
  };
  struct DatabaseRow {
    Database database;
    std::map<std::string, CollectionId> collections;  // by name
  };
  using DatabaseKey = std::pair<std::string, std::string>;  // tenant, name

  void make_defaults();
  DatabaseRow* find_database(const DatabasePath&);
  void erase_collection(const CollectionId& id);

  std::mutex mutex_;
  std::map<std::string, Tenant> tenants_;  // guarded by mutex_, as all below
  std::map<DatabaseKey, DatabaseRow> databases_;
  std::map<CollectionId, Row> collections_;  // a Uuid's order is its text's order
  std::set<SegmentId> segment_ids_;
};

}  // namespace viridian::mem
