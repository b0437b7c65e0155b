#include "recovery/set_aside.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "os/copy_file.h"

namespace viridian::recovery {

SetAside::SetAside(os::Files& files, std::string data_directory)
    : files_(files), data_directory_(std::move(data_directory)) {}

Status SetAside::ensure() {
  if (used()) return ok_status();
  const std::string parent = os::join(data_directory_, "set-aside");
  const std::string stem =
      os::join(parent, fmt::format("{:%Y-%m-%dT%H-%M-%SZ}", fmt::gmtime(std::time(nullptr))));
  std::string directory = stem;
  for (int i = 2;; ++i) {
    VIRIDIAN_TRY(const bool exists, files_.exists(directory));
    if (!exists) break;
    directory = fmt::format("{}-{}", stem, i);
  }
  VIRIDIAN_TRY_VOID(files_.make_directories(directory));
  directory_ = std::move(directory);
  return ok_status();
}

Status SetAside::keep(const std::string& path) {
  VIRIDIAN_TRY(const bool exists, files_.exists(path));
  if (!exists) return ok_status();
  VIRIDIAN_TRY_VOID(ensure());
  std::string to = os::join(directory_, path.substr(data_directory_.size() + 1));
  VIRIDIAN_TRY_VOID(files_.make_directories(os::parent_of(to)));
  // What was kept under this name was replaced since, by a step that is itself replaced now.
  VIRIDIAN_TRY(bool taken, files_.exists(to));
  for (int i = 2; taken; ++i) {
    to = fmt::format("{}.{}", to, i);
    VIRIDIAN_TRY(taken, files_.exists(to));
  }
  if (const Status linked = files_.link(path, to); !linked.ok()) {
    if (linked.error().code() != Code::failed_precondition) return linked;
    VIRIDIAN_TRY_VOID(os::copy_file(files_, path, to));
  }
  return files_.sync_directory(os::parent_of(to));
}

Status SetAside::move(const std::string& path) {
  VIRIDIAN_TRY_VOID(keep(path));
  VIRIDIAN_TRY_VOID(files_.remove(path));
  const std::string parent = os::parent_of(path);
  VIRIDIAN_TRY(const bool exists, files_.exists(parent));
  return exists ? files_.sync_directory(parent) : ok_status();
}

Status SetAside::move_directory(const std::string& path) {
  VIRIDIAN_TRY_VOID(ensure());
  const std::string to = os::join(directory_, path.substr(data_directory_.size() + 1));
  VIRIDIAN_TRY_VOID(files_.make_directories(os::parent_of(to)));
  VIRIDIAN_TRY_VOID(files_.rename(path, to));
  VIRIDIAN_TRY_VOID(files_.sync_directory(os::parent_of(to)));
  return files_.sync_directory(os::parent_of(path));
}

Status SetAside::append(std::string_view name, std::string_view text) {
  VIRIDIAN_TRY_VOID(ensure());
  const std::string path = os::join(directory_, name);
  VIRIDIAN_TRY_VOID(files_.make_directories(os::parent_of(path)));
  VIRIDIAN_TRY(const auto file, files_.open(path, os::OpenMode::open_create));
  VIRIDIAN_TRY(const uint64_t size, file->size());
  VIRIDIAN_TRY_VOID(file->write_at(size, os::as_bytes(text)));
  VIRIDIAN_TRY_VOID(file->sync());
  return files_.sync_directory(os::parent_of(path));
}

Status SetAside::write(std::string_view name, std::string_view text) {
  VIRIDIAN_TRY_VOID(ensure());
  VIRIDIAN_TRY_VOID(files_.remove(os::join(directory_, name)));
  return append(name, text);
}

}  // namespace viridian::recovery
