#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "postgres/pool.h"
#include "sysdb/row_cache.h"
#include "viridian/spi/component.h"
#include "viridian/spi/leases.h"
#include "viridian/spi/sysdb.h"

namespace viridian::postgres {

/// The SysDb in PostgreSQL, shared by any number of servers. Reads are single statements; changes
/// lock what they rest on, so that they take effect in the order of their commits.
///
/// With leases, a collection's row is changed by the holder of its slot only (aborted elsewhere),
/// who therefore may answer get_collection(id) from memory while it is certain of the slot.
/// delete_database() and reset() are everybody's: other servers have to be told, and forget a row
/// by delete_collection(), which answers not_found then.
class SysDb final : public Component, public viridian::SysDb {
 public:
  static Result<std::unique_ptr<SysDb>> create(System& system);
  /// `leases` may be null: then nobody answers for others' changes, and strong reads ask.
  explicit SysDb(Pool& pool, viridian::Leases* leases = nullptr) : pool_(pool), leases_(leases) {}

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
  /// The epoch under which this process holds the collection's slot; unset: it does not.
  std::optional<uint64_t> held(const Context&, const CollectionId&) const;
  /// Ok: this process may change the collection, whose row is locked, and did hold the slot after
  /// it was. Unset: there are no leases.
  Result<std::optional<uint64_t>> confirm_held(const Context&, const CollectionId&) const;
  Status insert(const Context&, Connection&, const Collection&, const std::vector<Segment>&);
  /// The row as `change` makes it, locked and written.
  Result<Collection> update(const Context&, Connection&, const CollectionId&,
                            const CollectionChange& change, std::optional<uint64_t>& epoch);

  Pool& pool_;
  viridian::Leases* const leases_;
  sysdb::RowCache cache_;
};

}  // namespace viridian::postgres
