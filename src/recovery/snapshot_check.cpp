#include "recovery/snapshot_check.h"

#include <fmt/format.h>

#include <map>

#include "engine/snapshot_store.h"

namespace viridian::recovery {
namespace {

struct Needed {
  engine::StoredFile file;
  std::string by;  ///< names of snapshots
};

Finding about(const Directory& directory, const std::string& name, std::string what) {
  Finding finding;
  finding.file = directory.shown(os::join(directory.snapshots, name));
  finding.what = std::move(what);
  finding.remedy =
      "make a new snapshot; the collections themselves are not affected by what is wrong here";
  return finding;
}

}  // namespace

Status check_snapshots(const Context& context, const Directory& directory, Executor& executor,
                       SharedReport& report) {
  VIRIDIAN_TRY(const bool exists, directory.files.exists(directory.snapshots));
  if (!exists) return ok_status();
  const engine::SnapshotStore store(directory.files, directory.snapshots);
  VIRIDIAN_TRY(const std::vector<std::string> names, store.names());
  std::map<std::string, Needed> needed;
  for (const std::string& name : names) {
    const auto manifest = store.read(name);
    if (!manifest.ok()) {
      // One that was deleted since the names were read is none any more.
      if (manifest.error().code() != Code::not_found)
        report.add(about(directory, name, manifest.error().message()));
      continue;
    }
    for (const engine::StoredFile& file : manifest->stored()) {
      Needed& entry = needed[file.name];
      entry.file = file;
      entry.by += (entry.by.empty() ? "" : ", ") + name;
    }
  }
  std::vector<const Needed*> files;
  for (const auto& [name, file] : needed) files.push_back(&file);
  executor.parallel_for(files.size(), [&](size_t i) {
    const Needed& file = *files[i];
    const Status checked = store.check(context, file.file);
    report.add_file(file.file.bytes);
    if (checked.ok() || checked.error().code() == Code::cancelled) return;
    Finding finding = about(directory, file.file.name, checked.error().message());
    finding.affected = "snapshots " + file.by;
    report.add(std::move(finding));
  });
  return context.check();
}

}  // namespace viridian::recovery
