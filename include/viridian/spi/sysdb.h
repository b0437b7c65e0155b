#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/collection.h"
#include "viridian/model/requests.h"

namespace viridian {

/// Changes to a collection's row; what is unset stays.
struct CollectionChange {
  std::optional<std::string> name;
  std::optional<std::optional<Metadata>> metadata;
  std::optional<Schema> schema;
  std::optional<std::optional<uint32_t>> dimension;
  /// The row as the change was decided upon; set, the change is refused where it is another by now.
  std::optional<Collection> only_if = {};
};

/// A segment's new state, for SysDb::publish.
struct SegmentChange {
  SegmentId segment;
  SeqId sealed = 0;
  std::vector<SegmentFile> files;  ///< all of them from now on, oldest first
  int64_t garbage_since = 0;       ///< see Segment
};

/// The source of truth about tenants, databases, collections, segments and their sealed files.
/// Every call is one serialisable transaction, durable on return. Thread-safe. Where other
/// processes change it too, a read may be as old as its context says (Context::age). Names are
/// case-sensitive; tenant names are global, database names unique per tenant, collection names
/// unique per database. The default tenant and database always exist.
class SysDb {
 public:
  static constexpr std::string_view kSetting = "sysdb";
  virtual ~SysDb() = default;

  virtual Status create_tenant(const Context&, const std::string& name) = 0;       // already_exists
  virtual Result<Tenant> get_tenant(const Context&, const std::string& name) = 0;  // not_found
  virtual Status set_tenant_resource_name(const Context&, const std::string& name,
                                          const std::string& resource_name) = 0;  // not_found

  /// not_found: no such tenant. already_exists: the name is taken.
  virtual Result<Database> create_database(const Context&, const DatabasePath&) = 0;
  virtual Result<Database> get_database(const Context&, const DatabasePath&) = 0;  // not_found
  /// By name, ascending; empty for an unknown tenant.
  virtual Result<std::vector<Database>> list_databases(const Context&, const std::string& tenant,
                                                       const Page&) = 0;
  /// Removes the database, its collections and their segments; returns the collections' ids. The
  /// default database of the default tenant stays, emptied.
  virtual Result<std::vector<CollectionId>> delete_database(const Context&,
                                                            const DatabasePath&) = 0;

  /// Stores a collection and its segments in one transaction.
  ///   already_exists  the name is taken in this database
  ///   not_found       no such database
  virtual Status create_collection(const Context&, const Collection&,
                                   const std::vector<Segment>& segments) = 0;
  virtual Result<Collection> get_collection(const Context&, const DatabasePath&,
                                            const std::string& name) = 0;              // not_found
  virtual Result<Collection> get_collection(const Context&, const CollectionId&) = 0;  // not_found
  /// By id text, ascending; empty for an unknown database.
  virtual Result<std::vector<Collection>> list_collections(const Context&, const DatabasePath&,
                                                           const Page&) = 0;
  virtual Result<uint64_t> count_collections(const Context&, const DatabasePath&) = 0;
  /// Returns the new row.
  ///   already_exists  the new name is taken
  ///   not_found       no such collection
  ///   aborted         the row is not what the change wants it to be (CollectionChange::only_if)
  virtual Result<Collection> update_collection(const Context&, const CollectionId&,
                                               const CollectionChange&) = 0;
  /// Removes the collection, its segments and its files' rows. not_found: no such collection.
  virtual Status delete_collection(const Context&, const CollectionId&) = 0;

  virtual Result<std::vector<Segment>> list_segments(const Context&, const CollectionId&) = 0;
  /// Replaces the state of several segments of one collection at once: a reader of the SysDb sees
  /// all of it or none. aborted: a `sealed` would go back. not_found: a segment is gone.
  virtual Status publish(const Context&, const CollectionId&,
                         const std::vector<SegmentChange>& changes) = 0;
  /// Collections of which a segment has garbage since `before` (seconds since 1970) or longer.
  /// By id.
  virtual Result<std::vector<CollectionId>> collections_with_garbage(const Context&,
                                                                     int64_t before) = 0;
  /// Ids of all collections, for collecting files that no collection owns.
  virtual Result<std::vector<CollectionId>> all_collections(const Context&) = 0;

  /// Back to the state of a new database.
  virtual Status reset(const Context&) = 0;
};

}  // namespace viridian
