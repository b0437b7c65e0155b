#include "sysdb/mem_sysdb.h"

namespace viridian::mem {

using sysdb::CatalogueChange;

Result<std::unique_ptr<SysDb>> SysDb::create(System&) { return std::make_unique<SysDb>(); }

template <class Decide>
Result<CatalogueChange> SysDb::change(const Context& context, const Decide& decide) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  VIRIDIAN_TRY(CatalogueChange decided, decide());
  state_.apply(decided);
  return decided;
}

Status SysDb::create_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(change(context, [&] { return state_.create_tenant(name); }));
  return ok_status();
}

Status SysDb::set_tenant_resource_name(const Context& context, const std::string& name,
                                       const std::string& resource_name) {
  VIRIDIAN_TRY_VOID(
      change(context, [&] { return state_.set_tenant_resource_name(name, resource_name); }));
  return ok_status();
}

Result<Database> SysDb::create_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY(CatalogueChange changed,
               change(context, [&] { return state_.create_database(path); }));
  return std::move(changed.databases.front());
}

Result<std::vector<CollectionId>> SysDb::delete_database(const Context& context,
                                                         const DatabasePath& path) {
  VIRIDIAN_TRY(CatalogueChange changed,
               change(context, [&] { return state_.delete_database(path); }));
  return std::move(changed.removed_collections);
}

Status SysDb::create_collection(const Context& context, const Collection& collection,
                                const std::vector<Segment>& segments) {
  VIRIDIAN_TRY_VOID(
      change(context, [&] { return state_.create_collection(collection, segments); }));
  return ok_status();
}

Result<Collection> SysDb::update_collection(const Context& context, const CollectionId& id,
                                            const CollectionChange& wanted) {
  VIRIDIAN_TRY(CatalogueChange changed,
               change(context, [&] { return state_.update_collection(id, wanted); }));
  return std::move(changed.collections.front().collection);
}

Status SysDb::delete_collection(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY_VOID(change(context, [&] { return state_.delete_collection(id); }));
  return ok_status();
}

Status SysDb::publish(const Context& context, const CollectionId& id,
                      const std::vector<SegmentChange>& changes) {
  VIRIDIAN_TRY_VOID(change(context, [&] { return state_.publish(id, changes); }));
  return ok_status();
}

Status SysDb::reset(const Context& context) {
  VIRIDIAN_TRY_VOID(
      change(context, []() -> Result<CatalogueChange> { return sysdb::CatalogueState::reset(); }));
  return ok_status();
}

Result<Tenant> SysDb::get_tenant(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  return state_.get_tenant(name);
}

Result<Database> SysDb::get_database(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  return state_.get_database(path);
}

Result<std::vector<Database>> SysDb::list_databases(const Context& context,
                                                    const std::string& tenant, const Page& page) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  return state_.list_databases(tenant, page);
}

Result<Collection> SysDb::get_collection(const Context& context, const DatabasePath& path,
                                         const std::string& name) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  return state_.get_collection(path, name);
}

Result<Collection> SysDb::get_collection(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  return state_.get_collection(id);
}

Result<std::vector<Collection>> SysDb::list_collections(const Context& context,
                                                        const DatabasePath& path,
                                                        const Page& page) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  return state_.list_collections(path, page);
}

Result<uint64_t> SysDb::count_collections(const Context& context, const DatabasePath& path) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  return state_.count_collections(path);
}

Result<std::vector<Segment>> SysDb::list_segments(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  return state_.list_segments(id);
}

Result<std::vector<CollectionId>> SysDb::collections_with_garbage(const Context& context,
                                                                  int64_t before) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  return state_.collections_with_garbage(before);
}

Result<std::vector<CollectionId>> SysDb::all_collections(const Context& context) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  return state_.all_collections();
}

}  // namespace viridian::mem
