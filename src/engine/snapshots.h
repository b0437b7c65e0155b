#pragma once
#include <map>
#include <string>
#include <vector>

#include "engine/gates.h"
#include "engine/parts.h"
#include "engine/snapshot_store.h"

namespace viridian::engine {

/// Takes snapshots of all collections, and makes collections of them again. Thread-safe.
///
/// Creation: the sealed files are brought into the store while everything goes on. Then, in one
/// moment in which nothing is appended and no collection is created, changed or dropped (the
/// engine's gate for changes), the collections and the last numbers of their logs are noted: the
/// cut. What the logs hold up to there is copied afterwards.
class Snapshots {
 public:
  /// `changes` is entered by every change as Access::write. All outlive the snapshots.
  Snapshots(const Parts& parts, Gate& changes, os::Files& files, std::string directory);

  /// Removes what an earlier process left unfinished.
  void start();

  // As the calls of viridian::Api.
  Result<SnapshotInfo> create(const Context&, const std::string& name);
  Result<std::vector<SnapshotInfo>> list(const Context&);
  Result<SnapshotInfo> verify(const Context&, const std::string& name);
  Result<std::vector<Collection>> restore(const Context&, const RestoreRequest&);
  Status remove(const Context&, const std::string& name);

 private:
  using Images = std::map<CollectionId, SegmentImage>;
  /// What is kept of a collection at the cut.
  struct Cut {
    Collection collection;
    SeqId last = 0;
  };
  /// A collection that is restored but for its row in the SysDb.
  struct Restored {
    Collection collection;
    std::vector<Segment> segments;
    SeqId last = 0;
  };

  /// The gate of the store, with messages that speak of snapshots.
  Status enter(const Context&, Access);

  Result<SnapshotInfo> take(const Context&, const std::string& name);
  void tidy();
  Status attempt(const Context&, SnapshotStore::Draft&, SnapshotManifest&);
  /// Seals what lies far ahead of its files, and brings in all files there are.
  Status prepare(const Context&, SnapshotStore::Draft&);
  /// The collection's image, its files brought in. aborted: the collection is gone.
  Result<SegmentImage> stage(const Context&, SnapshotStore::Draft&, const CollectionId&);
  Status stage_missing(const Context&, SnapshotStore::Draft&, const std::vector<CollectionId>&,
                       Images&);
  /// Enters the gate and notes every collection; images that are missing are made.
  Result<std::vector<Cut>> cut(const Context&, SnapshotStore::Draft&, Images&, SnapshotManifest&);
  Result<std::vector<Cut>> note_all(const Context&, const std::vector<CollectionId>&,
                                    SnapshotManifest&);
  Result<SnapshotCollection> keep(const Context&, SnapshotStore::Draft&, const Cut&,
                                  const SegmentImage&);
  /// The error, or aborted if the collection that it is about is gone.
  Error explain(const CollectionId&, Error error);

  Result<std::vector<const SnapshotCollection*>> choose(const SnapshotManifest&,
                                                        const RestoreRequest&) const;
  /// The collections' rows as they are to be. Refuses what cannot be restored.
  Result<std::vector<Restored>> plan(const Context&, const RestoreRequest&,
                                     const std::vector<const SnapshotCollection*>&);
  Status make_databases(const Context&, const SnapshotManifest&, const RestoreRequest&,
                        const std::vector<Restored>&);
  /// Files and log.
  Status build(const Context&, const SnapshotCollection&, Restored&);
  Status append_tail(const Context&, const SnapshotCollection&, const CollectionId&);
  Status store(const Context&, const Restored&);
  /// Removes what was restored, whether or not the SysDb has come to know it.
  void undo(const std::vector<Restored>&);

  const Parts parts_;
  Gate& changes_;
  SnapshotStore store_;
  /// Reading is a read, creating an alter, deleting a drop.
  Gate gate_;
};

}  // namespace viridian::engine
