#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "os/files.h"

namespace viridian::os {

/// Passes every call on: what is to be otherwise, a derived class overrides.
class ForwardingFiles : public Files {
 public:
  explicit ForwardingFiles(Files& inner) : inner_(inner) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    return inner_.open(path, mode);
  }
  Result<std::unique_ptr<Mapping>> map(const std::string& path) override {
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
  Status sync_directory(const std::string& path) override { return inner_.sync_directory(path); }
  Result<std::unique_ptr<Lock>> lock(const std::string& path, std::string_view holder) override {
    return inner_.lock(path, holder);
  }
  bool native() const noexcept override { return inner_.native(); }

 protected:
  Files& inner_;
};

/// As ForwardingFiles, for one open file.
class ForwardingFile : public File {
 public:
  explicit ForwardingFile(std::unique_ptr<File> inner) : inner_(std::move(inner)) {}

  Result<size_t> read_at(uint64_t offset, std::span<std::byte> buffer) const override {
    return inner_->read_at(offset, buffer);
  }
  using File::write_at;
  Status write_at(uint64_t offset, std::span<const Bytes> parts) override {
    return inner_->write_at(offset, parts);
  }
  Status sync() override { return inner_->sync(); }
  Status truncate(uint64_t size) override { return inner_->truncate(size); }
  Status reserve(uint64_t size) override { return inner_->reserve(size); }
  Result<uint64_t> size() const override { return inner_->size(); }

 protected:
  std::unique_ptr<File> inner_;
};

}  // namespace viridian::os
