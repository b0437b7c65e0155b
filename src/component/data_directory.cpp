#include "component/data_directory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

namespace viridian::local {
namespace {

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// What another process is told about this one.
std::string this_process() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return fmt::format("process {} on {}", getpid(), host.data());
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::create(System& system) {
  VIRIDIAN_TRY(os::Files * files, system.require<os::Files>());
  const std::string& path = system.settings().text("path");
  if (path.empty())
    return Error(Code::invalid_argument, "path is empty; name the directory to keep the data in");
  return std::make_unique<DataDirectory>(*files, path);
}

DataDirectory::DataDirectory(os::Files& files, std::string path)
    : files_(files), path_(without_trailing_slashes(std::move(path))) {}

Status DataDirectory::start(const Context&) {
  VIRIDIAN_TRY_VOID(files_.make_directories(path_));
  VIRIDIAN_TRY(lock_, files_.lock(os::join(path_, "LOCK"), this_process()));
  return ok_status();
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
