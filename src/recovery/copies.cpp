#include "recovery/copies.h"

#include <array>

#include "recovery/segment_layout.h"

namespace viridian::recovery {

Status Copies::look_into(const std::string& directory) {
  VIRIDIAN_TRY(const auto names, list_if_there(directory_.files, directory));
  for (const std::string& name : names) {
    const std::string path = os::join(directory, name);
    if (!name.ends_with(".meta") && !name.ends_with(".vec")) continue;
    const auto file = directory_.files.open(path, os::OpenMode::read);
    if (!file.ok()) continue;  // it is of no use, then
    std::array<std::byte, kSegmentHeaderBytes> bytes;
    const auto got = (*file)->read_at(0, bytes);
    if (!got.ok() || *got != bytes.size()) continue;
    if (const auto header = read_segment_header(bytes)) paths_.emplace(header->identity.file, path);
  }
  return ok_status();
}

Status Copies::find_all() {
  if (looked_) return ok_status();
  VIRIDIAN_TRY_VOID(look_into(os::join(directory_.snapshots, "files")));
  VIRIDIAN_TRY(const auto collections, list_if_there(directory_.files, directory_.segments()));
  for (const std::string& name : collections)
    VIRIDIAN_TRY_VOID(look_into(os::join(directory_.segments(), name)));
  const std::string set_aside = os::join(directory_.path, "set-aside");
  VIRIDIAN_TRY(const auto repairs, list_if_there(directory_.files, set_aside));
  for (const std::string& repair : repairs) {
    const std::string kept = os::join(os::join(set_aside, repair), "segments");
    VIRIDIAN_TRY(const auto kept_names, list_if_there(directory_.files, kept));
    for (const std::string& name : kept_names) VIRIDIAN_TRY_VOID(look_into(os::join(kept, name)));
  }
  looked_ = true;
  return ok_status();
}

std::vector<std::string> Copies::of(const Uuid& file) const {
  std::vector<std::string> found;
  const auto [begin, end] = paths_.equal_range(file);
  for (auto at = begin; at != end; ++at) found.push_back(at->second);
  return found;
}

}  // namespace viridian::recovery
