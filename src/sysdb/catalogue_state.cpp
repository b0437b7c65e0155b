#include "sysdb/catalogue_state.h"

#include <algorithm>

#include "sysdb/messages.h"

namespace viridian::sysdb {
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

CatalogueState::CatalogueState() { apply(reset()); }

const CatalogueState::DatabaseRow* CatalogueState::find_database(const DatabasePath& path) const {
  const auto found = databases_.find({path.tenant, path.database});
  return found == databases_.end() ? nullptr : &found->second;
}

// ---- Changes as values

CatalogueChange CatalogueState::reset() {
  CatalogueChange change;
  change.from_nothing = true;
  change.tenants = {Tenant{kDefaultTenant, std::nullopt}};
  change.databases = {Database{Uuid(), kDefaultDatabase, kDefaultTenant}};
  return change;
}

CatalogueChange CatalogueState::everything() const {
  CatalogueChange change;
  change.from_nothing = true;
  for (const auto& [name, tenant] : tenants_) change.tenants.push_back(tenant);
  for (const auto& [key, row] : databases_) change.databases.push_back(row.database);
  for (const auto& [id, row] : collections_) change.collections.push_back(row);
  return change;
}

void CatalogueState::apply(const CatalogueChange& change) {
  if (change.from_nothing) {
    tenants_.clear();
    databases_.clear();
    collections_.clear();
    segment_ids_.clear();
  }
  for (const CollectionId& id : change.removed_collections) erase(id);
  for (const DatabasePath& path : change.removed_databases)
    databases_.erase({path.tenant, path.database});
  for (const Tenant& tenant : change.tenants) tenants_[tenant.name] = tenant;
  for (const Database& database : change.databases)
    databases_[{database.tenant, database.name}].database = database;
  for (const Row& row : change.collections) put(row);
}

void CatalogueState::put(const Row& row) {
  erase(row.collection.id);
  const auto database = databases_.find({row.collection.tenant, row.collection.database});
  if (database != databases_.end())
    database->second.collections[row.collection.name] = row.collection.id;
  for (const Segment& segment : row.segments) segment_ids_.insert(segment.id);
  collections_[row.collection.id] = row;
}

void CatalogueState::erase(const CollectionId& id) {
  const auto found = collections_.find(id);
  if (found == collections_.end()) return;
  const Collection& collection = found->second.collection;
  const auto database = databases_.find({collection.tenant, collection.database});
  if (database != databases_.end()) database->second.collections.erase(collection.name);
  for (const Segment& segment : found->second.segments) segment_ids_.erase(segment.id);
  collections_.erase(found);
}

// ---- What calls come to

Result<CatalogueChange> CatalogueState::create_tenant(const std::string& name) const {
  if (tenants_.count(name) != 0) return tenant_exists(name);
  CatalogueChange change;
  change.tenants = {Tenant{name, std::nullopt}};
  return change;
}

Result<CatalogueChange> CatalogueState::set_tenant_resource_name(
    const std::string& name, const std::string& resource_name) const {
  if (tenants_.count(name) == 0) return tenant_missing(name);
  CatalogueChange change;
  change.tenants = {Tenant{name, resource_name}};
  return change;
}

Result<CatalogueChange> CatalogueState::create_database(const DatabasePath& path) const {
  if (tenants_.count(path.tenant) == 0) return tenant_missing(path.tenant);
  if (find_database(path) != nullptr) return database_exists(path.database);
  CatalogueChange change;
  change.databases = {Database{Uuid::random(), path.database, path.tenant}};
  return change;
}

Result<CatalogueChange> CatalogueState::delete_database(const DatabasePath& path) const {
  const DatabaseRow* row = find_database(path);
  if (row == nullptr) return database_missing(path.database);
  CatalogueChange change;
  for (const auto& [name, id] : row->collections) change.removed_collections.push_back(id);
  std::sort(change.removed_collections.begin(), change.removed_collections.end());
  if (path.tenant != kDefaultTenant || path.database != kDefaultDatabase)
    change.removed_databases = {path};
  return change;
}

Result<CatalogueChange> CatalogueState::create_collection(
    const Collection& collection, const std::vector<Segment>& segments) const {
  const DatabaseRow* database = find_database({collection.tenant, collection.database});
  if (database == nullptr) return database_missing_for_create(collection.database);
  if (database->collections.count(collection.name) != 0) return collection_exists(collection.name);
  if (collections_.count(collection.id) != 0) return collection_exists(collection.id.to_string());
  std::set<SegmentId> fresh;
  for (const Segment& segment : segments) {
    if (segment.collection != collection.id || segment_ids_.count(segment.id) != 0 ||
        !fresh.insert(segment.id).second)
      return segment_misplaced(segment.id, collection.id);
  }
  CatalogueChange change;
  change.collections = {{collection, segments}};
  return change;
}

Result<CatalogueChange> CatalogueState::update_collection(const CollectionId& id,
                                                          const CollectionChange& wanted) const {
  const auto found = collections_.find(id);
  if (found == collections_.end()) return collection_missing(id);
  Row row = found->second;
  Collection& collection = row.collection;
  if (wanted.only_if && *wanted.only_if != collection) return collection_changed(id);
  if (wanted.name && *wanted.name != collection.name) {
    const DatabaseRow* database = find_database({collection.tenant, collection.database});
    if (database != nullptr && database->collections.count(*wanted.name) != 0)
      return collection_exists(*wanted.name);
    collection.name = *wanted.name;
  }
  if (wanted.metadata) collection.metadata = *wanted.metadata;
  if (wanted.schema) collection.schema = *wanted.schema;
  if (wanted.dimension) collection.dimension = *wanted.dimension;
  CatalogueChange change;
  change.collections.push_back(std::move(row));
  return change;
}

Result<CatalogueChange> CatalogueState::delete_collection(const CollectionId& id) const {
  if (collections_.count(id) == 0) return collection_missing(id);
  CatalogueChange change;
  change.removed_collections = {id};
  return change;
}

Result<CatalogueChange> CatalogueState::publish(const CollectionId& id,
                                                const std::vector<SegmentChange>& changes) const {
  const auto found = collections_.find(id);
  if (found == collections_.end()) return collection_missing(id);
  Row row = found->second;
  for (const SegmentChange& wanted : changes) {
    Segment* segment = find_segment(row.segments, wanted.segment);
    if (segment == nullptr) return segment_missing(wanted.segment, id);
    if (wanted.sealed < segment->sealed)
      return sealed_goes_back(segment->id, segment->sealed, wanted.sealed);
    segment->sealed = wanted.sealed;
    segment->files = wanted.files;
    segment->garbage_since = wanted.garbage_since;
  }
  CatalogueChange change;
  change.collections.push_back(std::move(row));
  return change;
}

// ---- Reads

Result<Tenant> CatalogueState::get_tenant(const std::string& name) const {
  const auto found = tenants_.find(name);
  if (found == tenants_.end()) return tenant_missing(name);
  return found->second;
}

Result<Database> CatalogueState::get_database(const DatabasePath& path) const {
  const DatabaseRow* row = find_database(path);
  if (row == nullptr) return database_missing(path.database);
  return row->database;
}

std::vector<Database> CatalogueState::list_databases(const std::string& tenant,
                                                     const Page& page) const {
  std::vector<Database> all;
  for (auto at = databases_.lower_bound({tenant, ""});
       at != databases_.end() && at->first.first == tenant; ++at)
    all.push_back(at->second.database);
  return page_of(std::move(all), page);
}

Result<Collection> CatalogueState::get_collection(const DatabasePath& path,
                                                  const std::string& name) const {
  const DatabaseRow* database = find_database(path);
  if (database == nullptr) return collection_missing(name);
  const auto found = database->collections.find(name);
  if (found == database->collections.end()) return collection_missing(name);
  return collections_.at(found->second).collection;
}

Result<Collection> CatalogueState::get_collection(const CollectionId& id) const {
  const auto found = collections_.find(id);
  if (found == collections_.end()) return collection_missing(id);
  return found->second.collection;
}

std::vector<Collection> CatalogueState::list_collections(const DatabasePath& path,
                                                         const Page& page) const {
  const DatabaseRow* database = find_database(path);
  if (database == nullptr) return {};
  std::vector<CollectionId> ids;
  for (const auto& [name, id] : database->collections) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  std::vector<Collection> listed;
  for (const CollectionId& id : page_of(std::move(ids), page))
    listed.push_back(collections_.at(id).collection);
  return listed;
}

uint64_t CatalogueState::count_collections(const DatabasePath& path) const {
  const DatabaseRow* database = find_database(path);
  return database == nullptr ? 0 : database->collections.size();
}

Result<std::vector<Segment>> CatalogueState::list_segments(const CollectionId& id) const {
  const auto found = collections_.find(id);
  if (found == collections_.end()) return collection_missing(id);
  return found->second.segments;
}

std::vector<CollectionId> CatalogueState::collections_with_garbage(int64_t before) const {
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

std::vector<CollectionId> CatalogueState::all_collections() const {
  std::vector<CollectionId> ids;
  ids.reserve(collections_.size());
  for (const auto& [id, row] : collections_) ids.push_back(id);
  return ids;
}

}  // namespace viridian::sysdb
