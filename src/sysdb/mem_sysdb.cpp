#include "sysdb/mem_sysdb.h"

#include <algorithm>

#include "sysdb/messages.h"

namespace viridian::mem {
namespace {

/// The rows of `all` that the page is about.
template <class T>
std::vector<T> page_of(std::vector<T> all, const Page& page) {
  const size_t begin = std::min<size_t>(page.offset, all.size());
  const size_t count = std::min<size_t>(page.limit.value_or(UINT32_MAX), all.size() - begin);
  all.erase(all.begin(), all.begin() + static_cast<ptrdiff_t>(begin));
  all.resize(count);
  return all;
}

Segment* find_segment(std::vector<Segment>& segments, const SegmentId& id) {
  for (Segment& segment : segments)
    if (segment.id == id) return &segment;
  return nullptr;
}

}  // namespace

Result<std::unique_ptr<SysDb>> SysDb::create(System&) { return std::make_unique<SysDb>(); }

SysDb::SysDb() { make_defaults(); }

void SysDb::make_defaults() {
  tenants_[kDefaultTenant] = Tenant{kDefaultTenant, std::nullopt};
  databases_[{kDefaultTenant, kDefaultDatabase}] = {{Uuid(), kDefaultDatabase, kDefaultTenant}, {}};
}

SysDb::DatabaseRow* SysDb::find_database(const DatabasePath& path) {
  const auto found = databases_.find({path.tenant, path.database});
  return found == databases_.end() ? nullptr : &found->second;
}

void SysDb::erase_collection(const CollectionId& id) {
  const auto found = collections_.find(id);
  for (const Segment& segment : found->second.segments) segment_ids_.erase(segment.id);
  collections_.erase(found);
}

Status SysDb::create_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  if (!tenants_.emplace(name, Tenant{name, std::nullopt}).second) return sysdb::tenant_exists(name);
  return ok_status();
}

Result<Tenant> SysDb::get_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const auto found = tenants_.find(name);
  if (found == tenants_.end()) return sysdb::tenant_missing(name);
  return found->second;
}

Status SysDb::set_tenant_resource_name(const Context& context, const std::string& name,
                                       const std::string& resource_name) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const auto found = tenants_.find(name);
  if (found == tenants_.end()) return sysdb::tenant_missing(name);
  found->second.resource_name = resource_name;
  return ok_status();
}

Result<Database> SysDb::create_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  if (tenants_.count(path.tenant) == 0) return sysdb::tenant_missing(path.tenant);
  if (find_database(path) != nullptr) return sysdb::database_exists(path.database);
  const Database database{Uuid::random(), path.database, path.tenant};
  databases_[{path.tenant, path.database}] = {database, {}};
  return database;
}

Result<Database> SysDb::get_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const DatabaseRow* row = find_database(path);
  if (row == nullptr) return sysdb::database_missing(path.database);
  return row->database;
}

Result<std::vector<Database>> SysDb::list_databases(const Context& context,
                                                    const std::string& tenant, const Page& page) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  std::vector<Database> all;
  for (auto at = databases_.lower_bound({tenant, ""});
       at != databases_.end() && at->first.first == tenant; ++at)
    all.push_back(at->second.database);
  return page_of(std::move(all), page);
}

Result<std::vector<CollectionId>> SysDb::delete_database(const Context& context,
                                                         const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  DatabaseRow* row = find_database(path);
  if (row == nullptr) return sysdb::database_missing(path.database);
  std::vector<CollectionId> removed;
  for (const auto& [name, id] : row->collections) {
    removed.push_back(id);
    erase_collection(id);
  }
  std::sort(removed.begin(), removed.end());
  row->collections.clear();
  if (path.tenant != kDefaultTenant || path.database != kDefaultDatabase)
    databases_.erase({path.tenant, path.database});
  return removed;
}

Status SysDb::create_collection(const Context& context, const Collection& collection,
                                const std::vector<Segment>& segments) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  DatabaseRow* database = find_database({collection.tenant, collection.database});
  if (database == nullptr) return sysdb::database_missing_for_create(collection.database);
  if (database->collections.count(collection.name) != 0)
    return sysdb::collection_exists(collection.name);
  if (collections_.count(collection.id) != 0)
    return sysdb::collection_exists(collection.id.to_string());
  std::set<SegmentId> fresh;
  for (const Segment& segment : segments) {
    if (segment.collection != collection.id || segment_ids_.count(segment.id) != 0 ||
        !fresh.insert(segment.id).second)
      return sysdb::segment_misplaced(segment.id, collection.id);
  }
  segment_ids_.merge(fresh);
  database->collections[collection.name] = collection.id;
  collections_[collection.id] = {collection, segments};
  return ok_status();
}

Result<Collection> SysDb::get_collection(const Context& context, const DatabasePath& path,
                                         const std::string& name) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const DatabaseRow* database = find_database(path);
  if (database == nullptr) return sysdb::collection_missing(name);
  const auto found = database->collections.find(name);
  if (found == database->collections.end()) return sysdb::collection_missing(name);
  return collections_.at(found->second).collection;
}

Result<Collection> SysDb::get_collection(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const auto found = collections_.find(id);
  if (found == collections_.end()) return sysdb::collection_missing(id);
  return found->second.collection;
}

Result<std::vector<Collection>> SysDb::list_collections(const Context& context,
                                                        const DatabasePath& path,
                                                        const Page& page) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const DatabaseRow* database = find_database(path);
  if (database == nullptr) return std::vector<Collection>();
  std::vector<CollectionId> ids;
  for (const auto& [name, id] : database->collections) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  std::vector<Collection> listed;
  for (const CollectionId& id : page_of(std::move(ids), page))
    listed.push_back(collections_.at(id).collection);
  return listed;
}

Result<uint64_t> SysDb::count_collections(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const DatabaseRow* database = find_database(path);
  return database == nullptr ? uint64_t{0} : uint64_t{database->collections.size()};
}

Result<Collection> SysDb::update_collection(const Context& context, const CollectionId& id,
                                            const CollectionChange& change) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const auto found = collections_.find(id);
  if (found == collections_.end()) return sysdb::collection_missing(id);
  Collection& collection = found->second.collection;
  if (change.only_if && *change.only_if != collection) return sysdb::collection_changed(id);
  if (change.name && *change.name != collection.name) {
    auto& names = databases_.at({collection.tenant, collection.database}).collections;
    if (names.count(*change.name) != 0) return sysdb::collection_exists(*change.name);
    names.erase(collection.name);
    names[*change.name] = id;
    collection.name = *change.name;
  }
  if (change.metadata) collection.metadata = *change.metadata;
  if (change.schema) collection.schema = *change.schema;
  if (change.dimension) collection.dimension = *change.dimension;
  return collection;
}

Status SysDb::delete_collection(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const auto found = collections_.find(id);
  if (found == collections_.end()) return sysdb::collection_missing(id);
  const Collection& collection = found->second.collection;
  databases_.at({collection.tenant, collection.database}).collections.erase(collection.name);
  erase_collection(id);
  return ok_status();
}

Result<std::vector<Segment>> SysDb::list_segments(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const auto found = collections_.find(id);
  if (found == collections_.end()) return sysdb::collection_missing(id);
  return found->second.segments;
}

Status SysDb::publish(const Context& context, const CollectionId& id,
                      const std::vector<SegmentChange>& changes) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const auto found = collections_.find(id);
  if (found == collections_.end()) return sysdb::collection_missing(id);
  std::vector<Segment> segments = found->second.segments;  // changed aside: all or nothing
  for (const SegmentChange& change : changes) {
    Segment* segment = find_segment(segments, change.segment);
    if (segment == nullptr) return sysdb::segment_missing(change.segment, id);
    if (change.sealed < segment->sealed)
      return sysdb::sealed_goes_back(segment->id, segment->sealed, change.sealed);
    segment->sealed = change.sealed;
    segment->files = change.files;
    segment->garbage_since = change.garbage_since;
  }
  found->second.segments = std::move(segments);
  return ok_status();
}

Result<std::vector<CollectionId>> SysDb::collections_with_garbage(const Context& context,
                                                                  int64_t before) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  std::vector<CollectionId> ids;
  for (const auto& [id, row] : collections_) {
    const bool old =
        std::any_of(row.segments.begin(), row.segments.end(), [&](const Segment& segment) {
          return segment.garbage_since != 0 && segment.garbage_since <= before;
        });
    if (old) ids.push_back(id);
  }
  return ids;
}

Result<std::vector<CollectionId>> SysDb::all_collections(const Context& context) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  std::vector<CollectionId> ids;
  for (const auto& [id, row] : collections_) ids.push_back(id);
  return ids;
}

Status SysDb::reset(const Context& context) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  tenants_.clear();
  databases_.clear();
  collections_.clear();
  segment_ids_.clear();
  make_defaults();
  return ok_status();
}

}  // namespace viridian::mem
