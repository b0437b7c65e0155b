#pragma once
#include "os/files.h"

namespace viridian::segment {

/// Files that nobody needs after this process: nothing is ever synced.
class UnsyncedFiles final : public os::Files {
 public:
  explicit UnsyncedFiles(os::Files& inner) : inner_(inner) {}

  Result<std::unique_ptr<os::File>> open(const std::string& path, os::OpenMode mode) override;
  Result<std::unique_ptr<os::Mapping>> map(const std::string& path) override {
    return inner_.map(path);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return inner_.list(directory);
  }
  Result<bool> exists(const std::string& path) override { return inner_.exists(path); }
  Status make_directories(const std::string& path) override {
    return inner_.make_directories(path);
  }
  Status rename(const std::string& from, const std::string& to) override {
    return inner_.rename(from, to);
  }
  Status link(const std::string& from, const std::string& to) override {
    return inner_.link(from, to);
  }
  Status remove(const std::string& path) override { return inner_.remove(path); }
  Status remove_all(const std::string& path) override { return inner_.remove_all(path); }
  Status sync_directory(const std::string&) override { return ok_status(); }
  Result<std::unique_ptr<os::Lock>> lock(const std::string& path,
                                         std::string_view holder) override {
    return inner_.lock(path, holder);
  }
  bool native() const noexcept override { return inner_.native(); }

 private:
  os::Files& inner_;
};

}  // namespace viridian::segment
