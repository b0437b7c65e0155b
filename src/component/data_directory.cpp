#include "component/data_directory.h"

#include <errno.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>

namespace viridian::local {
namespace {

constexpr std::string_view kLockName = "LOCK";
constexpr std::string_view kFormatName = "FORMAT";
/// What directories of version 1, which had no FORMAT, have at least one of.
constexpr std::array<std::string_view, 3> kDataNames = {"sysdb.sqlite3", "log", "segments"};

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// What another process is told about this one.
std::string this_process() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return fmt::format("process {} ({}) on {}", getpid(), program_invocation_short_name, host.data());
}

Error newer(const std::string& path, const DirectoryFormat& format) {
  return Error(
      Code::failed_precondition,
      fmt::format("the data directory {} was written by {}, in format {}, which takes a "
                  "program that knows format {}; this one knows up to {}. Nothing in it "
                  "was changed: open it with the newer program",
                  path, format.created_by, format.version, format.needs, DataDirectory::kVersion));
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::create(System& system) {
  VIRIDIAN_TRY(os::Files * files, system.require<os::Files>());
  const Settings& settings = system.settings();
  const std::string& path = settings.text("path");
  if (path.empty())
    return Error(Code::invalid_argument, "path is empty; name the directory to keep the data in");
  const bool read_only = settings.has("read_only") && settings.boolean("read_only");
  return std::make_unique<DataDirectory>(*files, path, read_only);
}

DataDirectory::DataDirectory(os::Files& files, std::string path, bool read_only)
    : files_(files), path_(without_trailing_slashes(std::move(path))), read_only_(read_only) {}

Status DataDirectory::start(const Context&) {
  if (read_only_) return start_read_only();
  // Looked at before anything is made, so that a newer program's directory stays as it is.
  VIRIDIAN_TRY_VOID(read_format());
  if (const Status made = files_.make_directories(path_); !made.ok()) {
    if (made.error().code() != Code::already_exists) return made;
    return Error(Code::failed_precondition,
                 fmt::format("{} is a file, where a directory for the data has to be", path_));
  }
  auto lock = files_.lock(os::join(path_, kLockName), this_process());
  if (!lock.ok() && lock.error().code() == Code::failed_precondition) {
    return Error(lock.error().code(),
                 lock.error().message() + ", or set read_only to follow what that process writes");
  }
  VIRIDIAN_TRY(std::unique_ptr<os::Lock> held, std::move(lock));
  VIRIDIAN_TRY(const auto format, read_format());
  VIRIDIAN_TRY(const bool data, has_data());
  version_found_ = format ? format->version : data ? 1 : 0;
  if (version_found_ < kVersion) VIRIDIAN_TRY_VOID(write_format());
  lock_ = std::move(held);
  return ok_status();
}

Status DataDirectory::start_read_only() {
  VIRIDIAN_TRY(const auto format, read_format());
  VIRIDIAN_TRY(const bool data, has_data());
  if (!format && !data) {
    return Error(Code::not_found,
                 fmt::format("there is no data directory at {}: read_only opens what another "
                             "process has made",
                             path_));
  }
  version_found_ = format ? format->version : 1;
  return ok_status();
}

Result<std::optional<DirectoryFormat>> DataDirectory::read_format() const {
  const std::string path = os::join(path_, kFormatName);
  VIRIDIAN_TRY(const bool there, files_.exists(path));
  if (!there) return std::nullopt;
  VIRIDIAN_TRY(const auto mapping, files_.map(path));
  auto format = read_directory_format(os::as_text(mapping->bytes()));
  if (!format.ok()) {
    return Error(format.error().code(),
                 fmt::format("{}: {}; nothing was changed: `viridian repair` writes it anew", path,
                             format.error().message()));
  }
  if (format->needs > kVersion) return newer(path_, *format);
  return *std::move(format);
}

Result<bool> DataDirectory::has_data() const {
  for (const std::string_view name : kDataNames) {
    VIRIDIAN_TRY(const bool there, files_.exists(os::join(path_, name)));
    if (there) return true;
  }
  return false;
}

Status DataDirectory::write_format() const {
  const std::string path = os::join(path_, kFormatName);
  const std::string unfinished = path + ".tmp";
  {
    const std::string text =
        write_directory_format({kVersion, kVersion, "viridian " VIRIDIAN_VERSION});
    VIRIDIAN_TRY(const auto file, files_.open(unfinished, os::OpenMode::open_create));
    VIRIDIAN_TRY_VOID(file->truncate(0));
    VIRIDIAN_TRY_VOID(file->write_at(0, os::as_bytes(text)));
    VIRIDIAN_TRY_VOID(file->sync());
  }
  VIRIDIAN_TRY_VOID(files_.rename(unfinished, path));
  return files_.sync_directory(path_);
}

Result<bool> DataDirectory::holds(std::string_view name) const {
  const std::string path = os::join(path_, name);
  VIRIDIAN_TRY(const bool exists, files_.exists(path));
  if (!exists) return false;
  const auto names = files_.list(path);
  return !names.ok() || !names->empty();
}

void DataDirectory::stop() noexcept { lock_.reset(); }

}  // namespace viridian::local
