#pragma once
#include <string>
#include <utility>

#include "os/files.h"

namespace viridian::os {

/// A file descriptor, closed when it goes.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int get() const noexcept { return number_; }
  bool valid() const noexcept { return number_ >= 0; }

 private:
  int number_;
};

/// open(2), tried again when interrupted. Not valid: errno says why.
Descriptor open_descriptor(const std::string& path, int flags);

class PosixFile final : public File {
 public:
  PosixFile(std::string path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  Result<size_t> read_at(uint64_t offset, std::span<std::byte> buffer) const override;
  using File::write_at;
  Status write_at(uint64_t offset, std::span<const Bytes> parts) override;
  Status sync() override;
  Status truncate(uint64_t size) override;
  Status reserve(uint64_t size) override;
  Result<uint64_t> size() const override;

 private:
  std::string path_;
  Descriptor descriptor_;
};

}  // namespace viridian::os
