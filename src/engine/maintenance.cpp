#include <utility>
#include <vector>

#include "engine/api.h"
#include "engine/attempts.h"
#include "engine/messages.h"

// What keeps a database in order, rather than reading or changing what is in it.
namespace viridian::engine {
namespace {

/// The collection may be dropped while its segments are at work.
Status forgotten(Status done, const CollectionRef& ref) {
  return reword(std::move(done), Code::not_found, [&] { return collection_missing_by_id(ref.id); });
}

}  // namespace

Status Api::start(const Context& context) {
  if (options_.read_only) return ok_status();
  if (snapshots_) snapshots_->start();
  // No request has come in yet, so no collection can be on its way into the SysDb.
  VIRIDIAN_TRY(const std::vector<CollectionId> known, parts_.sysdb.all_collections(context));
  return parts_.producer.retain(context, known);
}

Status Api::writable() const {
  if (!options_.read_only) return ok_status();
  return Error(Code::permission_denied,
               "This database is open for reading only: write through the process that it belongs "
               "to, or open it without read_only");
}

Status Api::flush(const Context& context, const CollectionRef& ref) {
  VIRIDIAN_TRY_VOID(writable());
  VIRIDIAN_TRY_VOID(find(deciding(context), ref));
  return forgotten(parts_.segments.seal(context, ref.id), ref);
}

Status Api::compact(const Context& context, const CollectionRef& ref) {
  VIRIDIAN_TRY_VOID(writable());
  VIRIDIAN_TRY_VOID(find(deciding(context), ref));
  return forgotten(parts_.segments.compact(context, ref.id), ref);
}

Status Api::close_collection(const Context& context, const CollectionRef& ref) {
  VIRIDIAN_TRY_VOID(find(deciding(context), ref));
  return forgotten(parts_.segments.close(context, ref.id), ref);
}

Result<Snapshots*> Api::snapshots() const {
  if (snapshots_) return snapshots_.get();
  if (options_.in_memory) {
    return Error(Code::unimplemented,
                 "A database in memory has no snapshots: they are of data directories");
  }
  return Error(Code::unimplemented,
               "This server has no snapshots: its data are in another database, whose own means of "
               "backup keep them");
}

Result<SnapshotInfo> Api::create_snapshot(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(writable());
  VIRIDIAN_TRY(Snapshots * all, snapshots());
  return all->create(context, name);
}

Result<std::vector<SnapshotInfo>> Api::list_snapshots(const Context& context) {
  VIRIDIAN_TRY(Snapshots * all, snapshots());
  return all->list(context);
}

Result<SnapshotInfo> Api::verify_snapshot(const Context& context, const std::string& name) {
  VIRIDIAN_TRY(Snapshots * all, snapshots());
  return all->verify(context, name);
}

Result<std::vector<Collection>> Api::restore_snapshot(const Context& context,
                                                      const RestoreRequest& request) {
  VIRIDIAN_TRY_VOID(writable());
  VIRIDIAN_TRY(Snapshots * all, snapshots());
  return all->restore(context, request);
}

Status Api::delete_snapshot(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(writable());
  VIRIDIAN_TRY(Snapshots * all, snapshots());
  return all->remove(context, name);
}

}  // namespace viridian::engine
