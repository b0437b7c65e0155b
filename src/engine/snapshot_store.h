#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/snapshot_manifest.h"
#include "os/files.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/spi/log.h"

namespace viridian::engine {

/// The directory in which snapshots are kept (docs/file-formats.md): one manifest for each, and the
/// files that the manifests name, which snapshots share. A snapshot is there once its manifest is.
/// Files that no manifest names are what a creation left; tidy() removes them.
/// Not thread-safe, except that any number of calls of const members may run beside one another and
/// beside a Draft.
class SnapshotStore {
 public:
  SnapshotStore(os::Files& files, std::string directory);

  /// invalid_argument: no name for a snapshot.
  static Status check_name(std::string_view name);

  /// Names of the snapshots, ascending.
  Result<std::vector<std::string>> names() const;
  ///   not_found            no such snapshot
  ///   data_loss            its manifest is damaged
  ///   failed_precondition  a later version of this program wrote it
  Result<SnapshotManifest> read(const std::string& name) const;
  Result<bool> exists(const std::string& name) const;
  /// Reads all of the file. data_loss: it is not what came in.
  Status check(const Context&, const StoredFile& file) const;
  /// The log records of a tail, in order. `take` is called with one batch at a time.
  ///   data_loss  the file is damaged
  template <class Take>
  Status read_tail(const Context& context, const StoredFile& file, Take take) const;
  /// Where "files/..." are.
  std::string files_directory() const;

  /// Forgets the snapshot, and removes what only it needed. not_found: no such snapshot.
  Status remove(const std::string& name);

  class Draft;
  /// Begins a snapshot. Removes what interrupted ones have left.
  Result<Draft> begin();
  /// Removes what drafts and removals have left, if any did. Not beside a Draft.
  Status tidy();

 private:
  class Tail;
  struct Named {
    std::map<std::string, StoredFile> files;
    bool complete = true;  ///< every manifest could be read
  };
  std::string manifest_path(const std::string& name) const;
  std::string path_of(const StoredFile& file) const { return os::join(directory_, file.name); }
  /// What the manifests name.
  Result<Named> named() const;
  /// Removes what no manifest names.
  Status collect(const Named& named);
  /// Says that there may be something to collect.
  Status mark_unfinished();
  /// The size and checksum of what is at the path.
  Result<StoredFile> measure(const Context&, const std::string& name) const;

  os::Files& files_;
  const std::string directory_;
};

/// A snapshot on its way into the store. What it has taken in counts once commit() returns.
class SnapshotStore::Draft {
 public:
  /// Takes in a sealed file, by hard link where the file system can. Known already: nothing to do.
  ///   not_found  it is not there (any more)
  Result<StoredFile> add_file(const Context&, const std::string& directory,
                              const SegmentFile& file);
  /// Takes in the log's records after `after`, up to and including `last`.
  ///   not_found  the log does not hold them (any more)
  Result<StoredFile> add_tail(const Context&, Consumer& consumer, const CollectionId& collection,
                              SeqId after, SeqId last);
  /// Makes it a snapshot: durable on return. Sets the manifest's new_bytes.
  Status commit(SnapshotManifest& manifest);

 private:
  friend class SnapshotStore;
  Draft(SnapshotStore& store, std::map<std::string, StoredFile> known)
      : store_(&store), known_(std::move(known)) {}

  SnapshotStore* store_;
  std::map<std::string, StoredFile> known_;
  std::map<std::string, uint64_t> added_;  ///< bytes by name
};

/// Reads a tail, frame by frame.
class SnapshotStore::Tail {
 public:
  static Result<Tail> open(os::Files& files, const std::string& path, uint64_t bytes);
  /// An empty batch at the end.
  Result<LogBatch> next();

 private:
  Tail(std::unique_ptr<os::File> file, std::string path, uint64_t bytes)
      : file_(std::move(file)), path_(std::move(path)), bytes_(bytes) {}
  Status read(uint64_t size, std::string& out);

  std::unique_ptr<os::File> file_;
  std::string path_;
  uint64_t bytes_;
  uint64_t at_ = 0;
};

template <class Take>
Status SnapshotStore::read_tail(const Context& context, const StoredFile& file, Take take) const {
  VIRIDIAN_TRY(Tail tail, Tail::open(files_, path_of(file), file.bytes));
  for (;;) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(LogBatch batch, tail.next());
    if (!batch.batch) return ok_status();
    VIRIDIAN_TRY_VOID(take(std::move(batch)));
  }
}

}  // namespace viridian::engine
