#pragma once
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "viridian/base/result.h"
#include "viridian/model/collection.h"
#include "viridian/model/requests.h"
#include "viridian/spi/sysdb.h"

namespace viridian::sysdb {

/// What a transaction does to the rows.
struct CatalogueChange {
  struct Row {
    Collection collection;
    std::vector<Segment> segments;
    friend bool operator==(const Row&, const Row&) = default;
  };
  bool from_nothing = false;                      ///< what was there goes, the default rows too
  std::vector<CollectionId> removed_collections;  ///< by id
  std::vector<DatabasePath> removed_databases;
  std::vector<Tenant> tenants;  ///< new ones, or what they are from now on; the same below
  std::vector<Database> databases;
  std::vector<Row> collections;
};

/// All rows of a SysDb, in memory. What the calls of SysDb come to is decided here: those that
/// change something say what, and change nothing; apply() does. Not thread-safe.
class CatalogueState {
 public:
  /// With the default tenant and database.
  CatalogueState();

  /// What brings a state to this one, whatever it was. The same for equal states.
  CatalogueChange everything() const;
  /// A change that this state, or one with the same rows, decided upon.
  void apply(const CatalogueChange& change);
  static CatalogueChange reset();

  Result<CatalogueChange> create_tenant(const std::string& name) const;
  Result<CatalogueChange> set_tenant_resource_name(const std::string& name,
                                                   const std::string& resource_name) const;
  /// The new row is the only one in `databases`.
  Result<CatalogueChange> create_database(const DatabasePath& path) const;
  Result<CatalogueChange> delete_database(const DatabasePath& path) const;
  Result<CatalogueChange> create_collection(const Collection& collection,
                                            const std::vector<Segment>& segments) const;
  /// The row as it becomes is the only one in `collections`.
  Result<CatalogueChange> update_collection(const CollectionId& id,
                                            const CollectionChange& change) const;
  Result<CatalogueChange> delete_collection(const CollectionId& id) const;
  Result<CatalogueChange> publish(const CollectionId& id,
                                  const std::vector<SegmentChange>& changes) const;

  Result<Tenant> get_tenant(const std::string& name) const;
  Result<Database> get_database(const DatabasePath& path) const;
  std::vector<Database> list_databases(const std::string& tenant, const Page& page) const;
  Result<Collection> get_collection(const DatabasePath& path, const std::string& name) const;
  Result<Collection> get_collection(const CollectionId& id) const;
  std::vector<Collection> list_collections(const DatabasePath& path, const Page& page) const;
  uint64_t count_collections(const DatabasePath& path) const;
  Result<std::vector<Segment>> list_segments(const CollectionId& id) const;
  std::vector<CollectionId> collections_with_garbage(int64_t before) const;
  std::vector<CollectionId> all_collections() const;

 private:
  using Row = CatalogueChange::Row;
  struct DatabaseRow {
    Database database;
    std::map<std::string, CollectionId> collections;  // by name
  };
  using DatabaseKey = std::pair<std::string, std::string>;  // tenant, name

  const DatabaseRow* find_database(const DatabasePath& path) const;
  void put(const Row& row);
  void erase(const CollectionId& id);

  std::map<std::string, Tenant> tenants_;
  std::map<DatabaseKey, DatabaseRow> databases_;
  std::map<CollectionId, Row> collections_;  // a Uuid's order is its text's order
  std::set<SegmentId> segment_ids_;
};

}  // namespace viridian::sysdb
