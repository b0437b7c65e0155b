#include "engine/snapshots.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "obs/log.h"

namespace viridian::engine {
namespace {

/// Whole attempts, where collections vanish between the cut and the copying of their logs.
constexpr int kAttempts = 8;
/// Cuts that may be given up because collections appeared; then images are made within one.
constexpr int kCuts = 4;
/// With more records than this ahead of its files a collection is sealed first: a restore appends
/// what a tail holds batch by batch, and each is synced.
constexpr SeqId kTailRecords = 1000;

SeqId sealed_of(const std::vector<Segment>& segments) {
  SeqId sealed = segments.empty() ? 0 : segments.front().sealed;
  for (const Segment& segment : segments) sealed = std::min(sealed, segment.sealed);
  return sealed;
}

int64_t now_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

Snapshots::Snapshots(const Parts& parts, Gate& changes, os::Files& files, std::string directory)
    : parts_(parts), changes_(changes), store_(files, std::move(directory)) {}

Status Snapshots::enter(const Context& context, Access access) {
  VIRIDIAN_TRY_VOID(context.check());
  if (gate_.enter(context, access).ok()) return ok_status();
  return Error(Code::deadline_exceeded,
               "other work on the snapshots took until the deadline: try again");
}

Result<SnapshotInfo> Snapshots::create(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(SnapshotStore::check_name(name));
  VIRIDIAN_TRY_VOID(enter(context, Access::alter));
  const GateGuard guard(gate_, Access::alter);
  VIRIDIAN_TRY(const bool there, store_.exists(name));
  if (there) {
    return Error(Code::already_exists, fmt::format("Snapshot [{}] already exists", name));
  }
  auto taken = take(context, name);
  // What it brought in and does not need would keep what is deleted everywhere else.
  tidy();
  return taken;
}

void Snapshots::tidy() {
  if (const Status tidied = store_.tidy(); !tidied.ok())
    obs::log(obs::Level::warn, "snapshots", "files that no snapshot needs stay for now",
             {{"error", tidied.error().message()}});
}

void Snapshots::start() { tidy(); }

Result<SnapshotInfo> Snapshots::take(const Context& context, const std::string& name) {
  VIRIDIAN_TRY(SnapshotStore::Draft draft, store_.begin());
  VIRIDIAN_TRY_VOID(prepare(context, draft));
  for (int i = 0; i < kAttempts; ++i) {
    SnapshotManifest manifest;
    manifest.name = name;
    const Status done = attempt(context, draft, manifest);
    if (!done.ok() && done.error().code() == Code::aborted) continue;
    VIRIDIAN_TRY_VOID(done);
    VIRIDIAN_TRY_VOID(draft.commit(manifest));
    return manifest.info();
  }
  return Error(Code::aborted,
               "collections are dropped so often that no snapshot could be taken: try again");
}

Status Snapshots::attempt(const Context& context, SnapshotStore::Draft& draft,
                          SnapshotManifest& manifest) {
  // The images are held until the tails are copied: they keep the logs from being trimmed.
  Images images;
  VIRIDIAN_TRY(const auto ids, parts_.sysdb.all_collections(context));
  VIRIDIAN_TRY_VOID(stage_missing(context, draft, ids, images));
  VIRIDIAN_TRY(const std::vector<Cut> collections, cut(context, draft, images, manifest));
  for (const Cut& at_cut : collections) {
    VIRIDIAN_TRY(SnapshotCollection kept,
                 keep(context, draft, at_cut, images.at(at_cut.collection.id)));
    manifest.collections.push_back(std::move(kept));
  }
  return ok_status();
}

Status Snapshots::prepare(const Context& context, SnapshotStore::Draft& draft) {
  VIRIDIAN_TRY(const auto ids, parts_.sysdb.all_collections(context));
  for (const CollectionId& id : ids) {
    VIRIDIAN_TRY_VOID(context.check());
    auto image = stage(context, draft, id);
    if (!image.ok()) {
      if (image.error().code() == Code::aborted) continue;
      return std::move(image).error();
    }
    VIRIDIAN_TRY(const SeqId last, parts_.consumer.last(context, id));
    const SeqId sealed = sealed_of(image->segments);
    image->keep.reset();
    if (last <= sealed || last - sealed <= kTailRecords) continue;
    auto view = parts_.segments.pin(context, id, last);
    const Status done = view.ok() ? parts_.segments.seal(context, id) : view.error();
    // Without it the snapshot is as good, only slower to restore.
    if (!done.ok()) {
      obs::log(obs::Level::info, "snapshots", "collection not sealed before the snapshot",
               {{"collection", id.to_string()}, {"error", done.error().message()}});
    }
  }
  return ok_status();
}

Error Snapshots::explain(const CollectionId& id, Error error) {
  const auto row = parts_.sysdb.get_collection(Context(), id);
  if (row.ok() || row.error().code() != Code::not_found) return error;
  return Error(Code::aborted, fmt::format("collection {} is gone", id.to_string()));
}

Result<SegmentImage> Snapshots::stage(const Context& context, SnapshotStore::Draft& draft,
                                      const CollectionId& id) {
  auto image = parts_.segments.image(context, id);
  if (!image.ok()) return explain(id, std::move(image).error());
  for (const Segment& segment : image->segments) {
    for (const SegmentFile& file : segment.files) {
      const auto stored = draft.add_file(context, image->directory, file);
      if (!stored.ok()) return explain(id, stored.error());
    }
  }
  return image;
}

Status Snapshots::stage_missing(const Context& context, SnapshotStore::Draft& draft,
                                const std::vector<CollectionId>& ids, Images& images) {
  for (const CollectionId& id : ids) {
    if (images.contains(id)) continue;
    VIRIDIAN_TRY_VOID(context.check());
    auto image = stage(context, draft, id);
    if (image.ok()) {
      images.emplace(id, *std::move(image));
    } else if (image.error().code() != Code::aborted) {
      return std::move(image).error();
    }
  }
  return ok_status();
}

Result<std::vector<Snapshots::Cut>> Snapshots::cut(const Context& context,
                                                   SnapshotStore::Draft& draft, Images& images,
                                                   SnapshotManifest& manifest) {
  for (int i = 1;; ++i) {
    std::vector<CollectionId> ids;
    {
      VIRIDIAN_TRY_VOID(changes_.enter(context, Access::alter));
      const GateGuard guard(changes_, Access::alter);
      VIRIDIAN_TRY(ids, parts_.sysdb.all_collections(context));
      if (i == kCuts) VIRIDIAN_TRY_VOID(stage_missing(context, draft, ids, images));
      const bool complete = std::all_of(
          ids.begin(), ids.end(), [&](const CollectionId& id) { return images.contains(id); });
      if (complete) return note_all(context, ids, manifest);
    }
    VIRIDIAN_TRY_VOID(stage_missing(context, draft, ids, images));
  }
}

Result<std::vector<Snapshots::Cut>> Snapshots::note_all(const Context& context,
                                                        const std::vector<CollectionId>& ids,
                                                        SnapshotManifest& manifest) {
  std::vector<Cut> collections;
  std::set<std::string> tenants = {kDefaultTenant};
  manifest.created_at = now_seconds();
  for (const CollectionId& id : ids) {
    Cut noted;
    VIRIDIAN_TRY(noted.collection, parts_.sysdb.get_collection(context, id));
    VIRIDIAN_TRY(noted.last, parts_.consumer.last(context, id));
    tenants.insert(noted.collection.tenant);
    collections.push_back(std::move(noted));
  }
  for (const std::string& tenant : tenants) {
    VIRIDIAN_TRY(const auto databases, parts_.sysdb.list_databases(context, tenant, {}));
    for (const Database& database : databases) {
      manifest.databases.push_back({tenant, database.name});
    }
  }
  return collections;
}

Result<SnapshotCollection> Snapshots::keep(const Context& context, SnapshotStore::Draft& draft,
                                           const Cut& at_cut, const SegmentImage& image) {
  const CollectionId& id = at_cut.collection.id;
  SnapshotCollection kept;
  kept.collection = at_cut.collection;
  kept.segments = image.segments;
  kept.sealed = sealed_of(image.segments);
  // A log that is younger than the files knows less than they do.
  kept.last = std::max(at_cut.last, kept.sealed);
  for (const Segment& segment : image.segments) {
    for (const SegmentFile& file : segment.files) {
      VIRIDIAN_TRY(StoredFile stored, draft.add_file(context, image.directory, file));
      kept.files.push_back(std::move(stored));
    }
  }
  if (kept.last > kept.sealed) {
    auto tail = draft.add_tail(context, parts_.consumer, id, kept.sealed, kept.last);
    if (!tail.ok()) return explain(id, std::move(tail).error());
    kept.tail = *std::move(tail);
  }
  auto view = parts_.segments.pin(context, id, kept.last);
  if (!view.ok()) return explain(id, std::move(view).error());
  kept.records = (*view)->metadata().count();
  return kept;
}

Result<std::vector<SnapshotInfo>> Snapshots::list(const Context& context) {
  VIRIDIAN_TRY_VOID(enter(context, Access::read));
  const GateGuard guard(gate_, Access::read);
  VIRIDIAN_TRY(const std::vector<std::string> names, store_.names());
  std::vector<SnapshotInfo> list;
  for (const std::string& name : names) {
    const auto manifest = store_.read(name);
    if (manifest.ok()) {
      list.push_back(manifest->info());
      continue;
    }
    // The name is shown, so that it can be looked into or deleted.
    obs::log(obs::Level::warn, "snapshots", "unreadable manifest",
             {{"snapshot", name}, {"error", manifest.error().message()}});
    SnapshotInfo unreadable;
    unreadable.name = name;
    list.push_back(std::move(unreadable));
  }
  return list;
}

Result<SnapshotInfo> Snapshots::verify(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(enter(context, Access::read));
  const GateGuard guard(gate_, Access::read);
  VIRIDIAN_TRY(const SnapshotManifest manifest, store_.read(name));
  for (const StoredFile& file : manifest.stored()) {
    VIRIDIAN_TRY_VOID(store_.check(context, file));
  }
  for (const SnapshotCollection& collection : manifest.collections) {
    if (!collection.tail) continue;
    VIRIDIAN_TRY_VOID(
        store_.read_tail(context, *collection.tail, [](const LogBatch&) { return ok_status(); }));
  }
  return manifest.info();
}

Status Snapshots::remove(const Context& context, const std::string& name) {
  VIRIDIAN_TRY_VOID(SnapshotStore::check_name(name));
  VIRIDIAN_TRY_VOID(enter(context, Access::drop));
  const GateGuard guard(gate_, Access::drop);
  return store_.remove(name);
}

}  // namespace viridian::engine
