#pragma once
#include <string>
#include <string_view>

#include "os/files.h"
#include "viridian/base/result.h"

namespace viridian::recovery {

/// Where repair puts what it replaces: `<path>/set-aside/<time>`, made when first needed. Below it
/// files have the paths that they had below the data directory.
class SetAside {
 public:
  SetAside(os::Files& files, std::string data_directory);

  /// Gives the file a second name here, or where the file system cannot, a copy; durable. It stays
  /// where it is too. Absent: ok.
  Status keep(const std::string& path);
  /// keep(), then takes it away from where it was; durable.
  Status move(const std::string& path);
  /// A whole directory; durable.
  Status move_directory(const std::string& path);
  /// Adds to a file here; durable.
  Status append(std::string_view name, std::string_view text);
  /// Writes a file here; durable.
  Status write(std::string_view name, std::string_view text);

  bool used() const noexcept { return !directory_.empty(); }
  /// Empty until used.
  const std::string& directory() const noexcept { return directory_; }

 private:
  Status ensure();

  os::Files& files_;
  const std::string data_directory_;
  std::string directory_;
};

}  // namespace viridian::recovery
