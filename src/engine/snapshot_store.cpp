#include "engine/snapshot_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "obs/log.h"
#include "os/copy_file.h"

namespace viridian::engine {
namespace {

constexpr std::string_view kManifestEnd = ".json";
/// There while the store may hold files that no manifest names.
constexpr std::string_view kUnfinished = "unfinished.tmp";
constexpr size_t kNameMax = 128;
constexpr uint64_t kManifestMax = uint64_t{1} << 30;
constexpr size_t kPieceBytes = 1U << 20;

Error no_snapshot(std::string_view name) {
  return Error(Code::not_found, fmt::format("Snapshot [{}] does not exist", name));
}

Result<std::string> read_all(os::Files& files, const std::string& path) {
  VIRIDIAN_TRY(const auto file, files.open(path, os::OpenMode::read));
  VIRIDIAN_TRY(const uint64_t size, file->size());
  if (size > kManifestMax) {
    return Error(Code::data_loss, fmt::format("{} has {} bytes", path, size));
  }
  std::string text(size, '\0');
  VIRIDIAN_TRY(const size_t got, file->read_at(0, std::as_writable_bytes(std::span(text))));
  text.resize(got);
  return text;
}

}  // namespace

SnapshotStore::SnapshotStore(os::Files& files, std::string directory)
    : files_(files), directory_(std::move(directory)) {}

Status SnapshotStore::check_name(std::string_view name) {
  const auto allowed = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-';
  };
  const bool good = !name.empty() && name.size() <= kNameMax && name.front() != '.' &&
                    std::all_of(name.begin(), name.end(), allowed);
  if (good) return ok_status();
  return Error(Code::invalid_argument,
               fmt::format("Validation error: name: a snapshot's name has 1 to {} letters, digits "
                           "and . _ - and does not begin with a dot",
                           kNameMax));
}

std::string SnapshotStore::manifest_path(const std::string& name) const {
  return os::join(directory_, name + std::string(kManifestEnd));
}

std::string SnapshotStore::files_directory() const { return os::join(directory_, "files"); }

Result<std::vector<std::string>> SnapshotStore::names() const {
  std::vector<std::string> names;
  VIRIDIAN_TRY(const bool there, files_.exists(directory_));
  if (!there) return names;
  VIRIDIAN_TRY(const auto entries, files_.list(directory_));
  for (std::string_view entry : entries) {
    if (!entry.ends_with(kManifestEnd)) continue;
    entry.remove_suffix(kManifestEnd.size());
    if (check_name(entry).ok()) names.emplace_back(entry);
  }
  // "a-b" is listed before "a" while both end in ".json".
  std::sort(names.begin(), names.end());
  return names;
}

Result<bool> SnapshotStore::exists(const std::string& name) const {
  VIRIDIAN_TRY_VOID(check_name(name));
  return files_.exists(manifest_path(name));
}

Result<SnapshotManifest> SnapshotStore::read(const std::string& name) const {
  VIRIDIAN_TRY_VOID(check_name(name));
  const std::string path = manifest_path(name);
  auto text = read_all(files_, path);
  if (!text.ok()) {
    if (text.error().code() == Code::not_found) return no_snapshot(name);
    return std::move(text).error();
  }
  auto manifest = decode_manifest(*text);
  if (!manifest.ok()) return manifest.error().with(path);
  if (manifest->name != name) {
    return Error(Code::data_loss,
                 fmt::format("{} is the manifest of snapshot {}", path, manifest->name));
  }
  return manifest;
}

Result<StoredFile> SnapshotStore::measure(const Context& context, const std::string& name) const {
  StoredFile measured{name, 0, 0};
  VIRIDIAN_TRY(const auto file, files_.open(os::join(directory_, name), os::OpenMode::read));
  std::vector<std::byte> piece(kPieceBytes);
  for (;;) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const size_t got, file->read_at(measured.bytes, piece));
    measured.crc = crc32c(measured.crc, std::span(piece).first(got));
    measured.bytes += got;
    if (got < piece.size()) return measured;
  }
}

Status SnapshotStore::check(const Context& context, const StoredFile& file) const {
  auto measured = measure(context, file.name);
  if (!measured.ok()) {
    if (measured.error().code() != Code::not_found) return std::move(measured).error();
    return Error(Code::data_loss, fmt::format("{} is missing", path_of(file)));
  }
  if (*measured == file) return ok_status();
  if (measured->bytes != file.bytes) {
    return Error(Code::data_loss, fmt::format("{} has {} bytes instead of {}", path_of(file),
                                              measured->bytes, file.bytes));
  }
  return Error(Code::data_loss, fmt::format("{} is damaged: its checksum is wrong", path_of(file)));
}

Result<SnapshotStore::Named> SnapshotStore::named() const {
  Named named;
  VIRIDIAN_TRY(const std::vector<std::string> snapshots, names());
  for (const std::string& name : snapshots) {
    auto manifest = read(name);
    if (!manifest.ok()) {
      obs::log(obs::Level::warn, "snapshots", "unreadable manifest: nothing is removed",
               {{"snapshot", name}, {"error", manifest.error().message()}});
      named.complete = false;
      continue;
    }
    for (StoredFile& file : manifest->stored()) named.files.emplace(file.name, std::move(file));
  }
  return named;
}

Status SnapshotStore::collect(const Named& named) {
  VIRIDIAN_TRY(const auto entries, files_.list(directory_));
  for (const std::string& entry : entries) {
    if (entry.ends_with(".tmp") && entry != kUnfinished)
      VIRIDIAN_TRY_VOID(files_.remove(os::join(directory_, entry)));
  }
  // What cannot be read may name any of them.
  if (!named.complete) return ok_status();
  for (const std::string kind : {"files", "tails"}) {
    VIRIDIAN_TRY(const auto stored, files_.list(os::join(directory_, kind)));
    bool removed = false;
    for (const std::string& entry : stored) {
      const std::string name = os::join(kind, entry);
      if (named.files.contains(name)) continue;
      VIRIDIAN_TRY_VOID(files_.remove(os::join(directory_, name)));
      removed = true;
    }
    if (removed) VIRIDIAN_TRY_VOID(files_.sync_directory(os::join(directory_, kind)));
  }
  return files_.remove(os::join(directory_, kUnfinished));
}

Status SnapshotStore::mark_unfinished() {
  VIRIDIAN_TRY_VOID(files_.open(os::join(directory_, kUnfinished), os::OpenMode::open_create));
  return files_.sync_directory(directory_);
}

Status SnapshotStore::tidy() {
  VIRIDIAN_TRY(const bool unfinished, files_.exists(os::join(directory_, kUnfinished)));
  if (!unfinished) return ok_status();
  VIRIDIAN_TRY(const Named known, named());
  return collect(known);
}

Status SnapshotStore::remove(const std::string& name) {
  VIRIDIAN_TRY(const bool there, exists(name));
  if (!there) return no_snapshot(name);
  // On a full disk there is no room for it, and deleting must go on.
  (void)mark_unfinished();
  VIRIDIAN_TRY_VOID(files_.remove(manifest_path(name)));
  VIRIDIAN_TRY_VOID(files_.sync_directory(directory_));
  // The snapshot is gone, whatever happens now; what is left is collected by tidy() or begin().
  VIRIDIAN_TRY(const Named still_named, named());
  return collect(still_named);
}

Result<SnapshotStore::Draft> SnapshotStore::begin() {
  VIRIDIAN_TRY_VOID(files_.make_directories(files_directory()));
  VIRIDIAN_TRY_VOID(files_.make_directories(os::join(directory_, "tails")));
  VIRIDIAN_TRY(Named known, named());
  VIRIDIAN_TRY_VOID(collect(known));
  VIRIDIAN_TRY_VOID(mark_unfinished());
  return Draft(*this, std::move(known.files));
}

Result<StoredFile> SnapshotStore::Draft::add_file(const Context& context,
                                                  const std::string& directory,
                                                  const SegmentFile& file) {
  os::Files& files = store_->files_;
  const std::string name = os::join("files", file.name);
  const std::string to = os::join(store_->directory_, name);
  const auto known = known_.find(name);
  VIRIDIAN_TRY(const bool there, files.exists(to));
  // A sealed file never changes, and its name is never given to another.
  if (known != known_.end() && there) return known->second;
  const std::string from = os::join(directory, file.name);
  VIRIDIAN_TRY_VOID(files.remove(to));
  if (auto linked = files.link(from, to); !linked.ok()) {
    if (linked.error().code() != Code::failed_precondition) return std::move(linked).error();
    VIRIDIAN_TRY_VOID(os::copy_file(files, from, to));
  }
  VIRIDIAN_TRY(StoredFile stored, store_->measure(context, name));
  if (stored.bytes != file.size_bytes) {
    return Error(Code::data_loss,
                 fmt::format("{} has {} bytes instead of {}", from, stored.bytes, file.size_bytes));
  }
  known_.insert_or_assign(name, stored);
  added_.insert_or_assign(name, stored.bytes);
  return stored;
}

Status SnapshotStore::Draft::commit(SnapshotManifest& manifest) {
  os::Files& files = store_->files_;
  manifest.new_bytes = 0;
  for (const StoredFile& file : manifest.stored()) {
    if (const auto added = added_.find(file.name); added != added_.end()) {
      manifest.new_bytes += added->second;
    }
  }
  VIRIDIAN_TRY_VOID(files.sync_directory(store_->files_directory()));
  VIRIDIAN_TRY_VOID(files.sync_directory(os::join(store_->directory_, "tails")));
  const std::string path = store_->manifest_path(manifest.name);
  const std::string temporary = path + ".tmp";
  const std::string text = encode_manifest(manifest);
  VIRIDIAN_TRY_VOID(files.remove(temporary));
  {
    VIRIDIAN_TRY(auto file, files.open(temporary, os::OpenMode::create));
    VIRIDIAN_TRY_VOID(file->write_at(0, os::as_bytes(text)));
    VIRIDIAN_TRY_VOID(file->sync());
  }
  VIRIDIAN_TRY_VOID(files.rename(temporary, path));
  VIRIDIAN_TRY_VOID(files.sync_directory(store_->directory_));
  // What came in and is in no snapshot, since it was replaced meanwhile, is left to tidy().
  for (const StoredFile& file : manifest.stored()) added_.erase(file.name);
  if (added_.empty()) (void)files.remove(os::join(store_->directory_, kUnfinished));
  return ok_status();
}

}  // namespace viridian::engine
