#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/messages.h"
#include "engine/snapshots.h"
#include "model/validation.h"
#include "obs/log.h"

// Files first, then the log, and the row in the SysDb last: until it is there the rest belongs to
// no collection, and is removed at the next start if it comes to that.
namespace viridian::engine {
namespace {

std::string path_text(const Collection& collection) {
  return fmt::format("{}/{}/{}", collection.tenant, collection.database, collection.name);
}

Status check_request(const RestoreRequest& request) {
  if (!request.new_name) return ok_status();
  if (!request.collection) {
    return Error(Code::invalid_argument,
                 "Validation error: new_name: a new name is for one collection: say which");
  }
  if (Status valid = validate_collection_name(*request.new_name); !valid.ok()) {
    return valid.error().with("Validation error: new_name");
  }
  return ok_status();
}

}  // namespace

Result<std::vector<Collection>> Snapshots::restore(const Context& context,
                                                   const RestoreRequest& request) {
  VIRIDIAN_TRY_VOID(check_request(request));
  VIRIDIAN_TRY_VOID(enter(context, Access::read));
  const GateGuard guard(gate_, Access::read);
  VIRIDIAN_TRY(const SnapshotManifest manifest, store_.read(request.snapshot));
  VIRIDIAN_TRY(const auto chosen, choose(manifest, request));
  VIRIDIAN_TRY(std::vector<Restored> planned, plan(context, request, chosen));
  VIRIDIAN_TRY_VOID(make_databases(context, manifest, request, planned));
  Status done = ok_status();
  for (size_t i = 0; i < chosen.size() && done.ok(); ++i) {
    done = build(context, *chosen[i], planned[i]);
  }
  for (size_t i = 0; i < planned.size() && done.ok(); ++i) done = store(context, planned[i]);
  if (!done.ok()) {
    undo(planned);
    return std::move(done).error();
  }
  std::vector<Collection> restored;
  for (Restored& one : planned) {
    // It only makes the segments catch up sooner.
    (void)parts_.segments.hint(context, one.collection.id, one.last);
    restored.push_back(std::move(one.collection));
  }
  return restored;
}

Result<std::vector<const SnapshotCollection*>> Snapshots::choose(
    const SnapshotManifest& manifest, const RestoreRequest& request) const {
  const DatabasePath path = request.path.value_or(DatabasePath());
  const bool in_path = request.path || request.collection;
  std::vector<const SnapshotCollection*> chosen;
  for (const SnapshotCollection& kept : manifest.collections) {
    const Collection& row = kept.collection;
    if (in_path && (row.tenant != path.tenant || row.database != path.database)) continue;
    if (request.collection && row.name != *request.collection) continue;
    chosen.push_back(&kept);
  }
  // By name, not by id: the same request gives the same answer each time.
  std::sort(chosen.begin(), chosen.end(), [](const auto* one, const auto* other) {
    return path_text(one->collection) < path_text(other->collection);
  });
  if (chosen.empty() && request.collection) {
    return Error(Code::not_found,
                 fmt::format("Snapshot [{}] has no collection [{}] in {}/{}", manifest.name,
                             *request.collection, path.tenant, path.database));
  }
  return chosen;
}

Result<std::vector<Snapshots::Restored>> Snapshots::plan(
    const Context& context, const RestoreRequest& request,
    const std::vector<const SnapshotCollection*>& chosen) {
  std::vector<Restored> planned;
  std::set<std::string> taken;
  for (const SnapshotCollection* kept : chosen) {
    Restored one;
    one.collection = kept->collection;
    one.collection.id = CollectionId::random();
    one.last = kept->last;
    if (request.to) {
      one.collection.tenant = request.to->tenant;
      one.collection.database = request.to->database;
    }
    if (request.new_name) one.collection.name = *request.new_name;
    if (!taken.insert(path_text(one.collection)).second) {
      return Error(Code::invalid_argument,
                   fmt::format("Validation error: to: two collections of the snapshot would be {}",
                               path_text(one.collection)));
    }
    const auto there = parts_.sysdb.get_collection(
        context, {one.collection.tenant, one.collection.database}, one.collection.name);
    if (there.ok()) return collection_exists(one.collection.name);
    if (there.error().code() != Code::not_found) return there.error();
    planned.push_back(std::move(one));
  }
  return planned;
}

Status Snapshots::make_databases(const Context& context, const SnapshotManifest& manifest,
                                 const RestoreRequest& request,
                                 const std::vector<Restored>& planned) {
  if (request.to) {
    const auto there = parts_.sysdb.get_database(context, *request.to);
    if (there.ok()) return ok_status();
    if (there.error().code() != Code::not_found) return there.error();
    return Error(Code::not_found, fmt::format("Database [{}] not found. Are you sure it exists?",
                                              request.to->database));
  }
  std::vector<DatabasePath> wanted;
  wanted.reserve(planned.size());
  for (const Restored& one : planned) {
    wanted.push_back({one.collection.tenant, one.collection.database});
  }
  // Everything is restored: databases that have no collections too.
  if (!request.path && !request.collection) {
    wanted.insert(wanted.end(), manifest.databases.begin(), manifest.databases.end());
  }
  for (const DatabasePath& path : wanted) {
    VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
    const GateGuard guard(changes_, Access::write);
    if (parts_.sysdb.get_database(context, path).ok()) continue;
    Status tenant = parts_.sysdb.create_tenant(context, path.tenant);
    if (!tenant.ok() && tenant.error().code() != Code::already_exists) return tenant;
    const auto database = parts_.sysdb.create_database(context, path);
    if (!database.ok() && database.error().code() != Code::already_exists) return database.error();
  }
  return ok_status();
}

Status Snapshots::build(const Context& context, const SnapshotCollection& kept, Restored& one) {
  VIRIDIAN_TRY_VOID(context.check());
  for (const StoredFile& file : kept.files) VIRIDIAN_TRY_VOID(store_.check(context, file));
  const SegmentImage image{kept.segments, store_.files_directory(), nullptr};
  VIRIDIAN_TRY(one.segments, parts_.segments.restore(context, one.collection.id, image));
  if (kept.sealed != 0) {
    VIRIDIAN_TRY_VOID(parts_.producer.start_after(context, one.collection.id, kept.sealed));
  }
  return append_tail(context, kept, one.collection.id);
}

Status Snapshots::append_tail(const Context& context, const SnapshotCollection& kept,
                              const CollectionId& id) {
  if (!kept.tail) return ok_status();
  VIRIDIAN_TRY_VOID(store_.check(context, *kept.tail));
  SeqId last = kept.sealed;
  VIRIDIAN_TRY_VOID(store_.read_tail(context, *kept.tail, [&](LogBatch batch) -> Status {
    const SeqId expected = batch.last_seq();
    VIRIDIAN_TRY(last, parts_.producer.append(context, id, std::move(batch.batch)));
    if (last == expected) return ok_status();
    return Error(Code::internal,
                 fmt::format("a restored record got number {} instead of {}", last, expected));
  }));
  if (last == kept.last) return ok_status();
  return Error(Code::data_loss, fmt::format("{} ends with record {} instead of {}", kept.tail->name,
                                            last, kept.last));
}

Status Snapshots::store(const Context& context, const Restored& one) {
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
  const GateGuard guard(changes_, Access::write);
  auto created = parts_.sysdb.create_collection(context, one.collection, one.segments);
  if (!created.ok() && created.error().code() == Code::already_exists) {
    return collection_exists(one.collection.name);
  }
  return created;
}

void Snapshots::undo(const std::vector<Restored>& planned) {
  // Not the caller's context, which may be what made it fail.
  const Context context;
  const auto report = [](const Restored& one, const Status& removed) {
    if (removed.ok()) return;
    obs::log(obs::Level::warn, "snapshots", "interrupted restore left something behind",
             {{"collection", one.collection.id.to_string()}, {"error", removed.error().message()}});
  };
  for (const Restored& one : planned) {
    // A call of the SysDb that failed may have happened all the same.
    const Status row = parts_.sysdb.delete_collection(context, one.collection.id);
    if (!row.ok() && row.error().code() != Code::not_found) {
      report(one, row);  // perhaps it is there, so what it needs must stay
      continue;
    }
    report(one, parts_.segments.drop(context, one.collection.id));
    report(one, parts_.producer.drop(context, one.collection.id));
  }
}

}  // namespace viridian::engine
