#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sysdb/catalogue_state.h"
#include "viridian/spi/component.h"
#include "viridian/spi/sysdb.h"

namespace viridian::mem {

/// A SysDb that forgets everything when it goes: for tests, and for a library that keeps nothing.
class SysDb final : public Component, public viridian::SysDb {
 public:
  static Result<std::unique_ptr<SysDb>> create(System& system);

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
  /// Does what `decide` makes of the rows.
  template <class Decide>
  Result<sysdb::CatalogueChange> change(const Context& context, const Decide& decide);

  std::mutex mutex_;
  sysdb::CatalogueState state_;  // guarded by mutex_
};

}  // namespace viridian::mem
