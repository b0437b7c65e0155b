#pragma once
#include <string>
#include <vector>

#include "viridian/spi/sysdb.h"

namespace viridian::conformance {

/// Passes every call on: what a test changes, it overrides.
class ForwardingSysDb : public SysDb {
 public:
  explicit ForwardingSysDb(SysDb& inner) : inner_(inner) {}

  Status create_tenant(const Context& context, const std::string& name) override {
    return inner_.create_tenant(context, name);
  }
  Result<Tenant> get_tenant(const Context& context, const std::string& name) override {
    return inner_.get_tenant(context, name);
  }
  Status set_tenant_resource_name(const Context& context, const std::string& name,
                                  const std::string& resource_name) override {
    return inner_.set_tenant_resource_name(context, name, resource_name);
  }
  Result<Database> create_database(const Context& context, const DatabasePath& path) override {
    return inner_.create_database(context, path);
  }
  Result<Database> get_database(const Context& context, const DatabasePath& path) override {
    return inner_.get_database(context, path);
  }
  Result<std::vector<Database>> list_databases(const Context& context, const std::string& tenant,
                                               const Page& page) override {
    return inner_.list_databases(context, tenant, page);
  }
  Result<std::vector<CollectionId>> delete_database(const Context& context,
                                                    const DatabasePath& path) override {
    return inner_.delete_database(context, path);
  }
  Status create_collection(const Context& context, const Collection& row,
                           const std::vector<Segment>& segments) override {
    return inner_.create_collection(context, row, segments);
  }
  Result<Collection> get_collection(const Context& context, const DatabasePath& path,
                                    const std::string& name) override {
    return inner_.get_collection(context, path, name);
  }
  Result<Collection> get_collection(const Context& context, const CollectionId& id) override {
    return inner_.get_collection(context, id);
  }
  Result<std::vector<Collection>> list_collections(const Context& context, const DatabasePath& path,
                                                   const Page& page) override {
    return inner_.list_collections(context, path, page);
  }
  Result<uint64_t> count_collections(const Context& context, const DatabasePath& path) override {
    return inner_.count_collections(context, path);
  }
  Result<Collection> update_collection(const Context& context, const CollectionId& id,
                                       const CollectionChange& change) override {
    return inner_.update_collection(context, id, change);
  }
  Status delete_collection(const Context& context, const CollectionId& id) override {
    return inner_.delete_collection(context, id);
  }
  Result<std::vector<Segment>> list_segments(const Context& context,
                                             const CollectionId& id) override {
    return inner_.list_segments(context, id);
  }
  Status publish(const Context& context, const CollectionId& id,
                 const std::vector<SegmentChange>& changes) override {
    return inner_.publish(context, id, changes);
  }
  Result<std::vector<CollectionId>> collections_with_garbage(const Context& context,
                                                             int64_t before) override {
    return inner_.collections_with_garbage(context, before);
  }
  Result<std::vector<CollectionId>> all_collections(const Context& context) override {
    return inner_.all_collections(context);
  }
  Status reset(const Context& context) override { return inner_.reset(context); }

 protected:
  SysDb& inner_;
};

}  // namespace viridian::conformance
