#include "segment/unsynced_files.h"

namespace viridian::segment {
namespace {

class UnsyncedFile final : public os::File {
 public:
  explicit UnsyncedFile(std::unique_ptr<os::File> inner) : inner_(std::move(inner)) {}

  Result<size_t> read_at(uint64_t offset, std::span<std::byte> buffer) const override {
    return inner_->read_at(offset, buffer);
  }
  Status write_at(uint64_t offset, std::span<const os::Bytes> parts) override {
    return inner_->write_at(offset, parts);
  }
  Status sync() override { return ok_status(); }
  Status truncate(uint64_t size) override { return inner_->truncate(size); }
  Status reserve(uint64_t size) override { return inner_->reserve(size); }
  Result<uint64_t> size() const override { return inner_->size(); }

 private:
  std::unique_ptr<os::File> inner_;
};

}  // namespace

Result<std::unique_ptr<os::File>> UnsyncedFiles::open(const std::string& path, os::OpenMode mode) {
  VIRIDIAN_TRY(std::unique_ptr<os::File> opened, inner_.open(path, mode));
  return std::unique_ptr<os::File>(std::make_unique<UnsyncedFile>(std::move(opened)));
}

}  // namespace viridian::segment
