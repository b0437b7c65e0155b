#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "clickhouse/client.h"
#include "sysdb/clickhouse_catalogue.h"
#include "viridian/spi/component.h"
#include "viridian/spi/leases.h"
#include "viridian/spi/sysdb.h"

namespace viridian::clickhouse {

/// The SysDb in a single ClickHouse server, for any number of servers of ours. Each has all rows in
/// memory; a read asks whether there is a newer version, unless it may be as old as memory is.
///
/// With leases, a collection's row is changed by the holder of its slot only (aborted elsewhere),
/// who therefore answers get_collection(id) from memory while it is certain of the slot.
/// delete_database() and reset() are everybody's: other servers have to be told, and any other call
/// that must be fresh, such as delete_collection() which answers not_found, brings their memory up
/// to date.
class SysDb final : public Component, public viridian::SysDb {
 public:
  struct Options {
    uint64_t snapshot_every = 1000;  ///< versions
  };
  static Result<std::unique_ptr<SysDb>> create(System& system);
  /// `leases` may be null.
  SysDb(Client& client, viridian::Leases* leases, const Options& options);

  ///   failed_precondition  there are several ClickHouse servers
  Status start(const Context&) override;

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
  using Change = sysdb::CatalogueChange;
  using State = sysdb::CatalogueState;

  /// What `look` makes of rows as fresh as the context wants them.
  template <class Look>
  std::invoke_result_t<const Look&, const State&> read(const Context& context, const Look& look);
  bool young_enough(const Context& context) const;
  /// From memory, where nothing can be newer.
  std::optional<Collection> own_collection(const Context&, const CollectionId&);
  bool fenced(const CollectionId& id, uint64_t epoch) const;
  Status fence(const Context&, const CollectionId& id, uint64_t epoch);
  Catalogue::Permit holder_only(const CollectionId& id) const;

  Catalogue catalogue_;
  viridian::Leases* const leases_;
  std::mutex fence_mutex_;
  /// By slot, the epoch under which no server that held it before can change a row any more.
  std::array<std::atomic<uint64_t>, kSlots> fenced_{};
};

}  // namespace viridian::clickhouse
