#pragma once
#include <memory>
#include <string>

#include "os/files.h"
#include "viridian/spi/component.h"

namespace viridian::local {

/// The directory (setting `path`) in which everything local is kept, held by one process at a time.
class DataDirectory final : public Component {
 public:
  static constexpr std::string_view kSetting = "data_directory";

  static Result<std::unique_ptr<DataDirectory>> create(System& system);
  DataDirectory(os::Files& files, std::string path);

  /// Makes the directory if need be and takes `<path>/LOCK`.
  ///   failed_precondition  another process has it; the message names that process
  Status start(const Context&) override;
  void stop() noexcept override;

  /// Without a slash at its end (but "/" stays).
  const std::string& path() const noexcept { return path_; }
  /// Whether there is a file, or a directory with something in it, under this name.
  Result<bool> holds(std::string_view name) const;

 private:
  os::Files& files_;
  const std::string path_;
  std::unique_ptr<os::Lock> lock_;
};

}  // namespace viridian::local
