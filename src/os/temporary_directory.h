#pragma once
#include <string>

namespace viridian::os {

/// A fresh directory below the system's temporary one, removed with everything in it at the end.
/// For tests and benchmarks: trouble aborts.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace viridian::os
