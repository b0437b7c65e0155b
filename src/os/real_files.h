#pragma once
#include <memory>
#include <string>
#include <vector>

#include "os/files.h"
#include "viridian/spi/component.h"

namespace viridian::os {

/// The file system of this machine, by POSIX calls. Interrupted and short calls are gone on with.
class RealFiles final : public Component, public Files {
 public:
  static Result<std::unique_ptr<RealFiles>> create(System&);

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::unique_ptr<Mapping>> map(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<bool> exists(const std::string& path) override;
  Status make_directories(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status link(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status remove_all(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::unique_ptr<Lock>> lock(const std::string& path, std::string_view holder) override;
  bool native() const noexcept override { return true; }
};

/// The error for an errno value: "cannot <what> <path>: <reason>", with Files' codes.
Error system_error(std::string_view what, std::string_view path, int number);

}  // namespace viridian::os
