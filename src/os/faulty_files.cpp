#include "os/faulty_files.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

namespace viridian::os {

class FaultyFile final : public File {
 public:
  FaultyFile(FaultyFiles& files, std::string path, std::unique_ptr<File> inner)
      : files_(files), path_(std::move(path)), inner_(std::move(inner)) {}

  Result<size_t> read_at(uint64_t offset, std::span<std::byte> buffer) const override {
    VIRIDIAN_TRY_VOID(files_.enter(FileCalls::read, path_));
    return inner_->read_at(offset, buffer);
  }

  using File::write_at;
  Status write_at(uint64_t offset, std::span<const Bytes> parts) override {
    if (Status entered = files_.enter(FileCalls::write, path_); !entered.ok()) {
      write_some(offset, parts);
      return entered;
    }
    return inner_->write_at(offset, parts);
  }

  Status sync() override {
    VIRIDIAN_TRY_VOID(files_.enter(FileCalls::sync, path_));
    return files_.syncs_ == FaultyFiles::Syncs::real ? inner_->sync() : ok_status();
  }
  Status truncate(uint64_t size) override {
    VIRIDIAN_TRY_VOID(files_.enter(FileCalls::truncate, path_));
    return inner_->truncate(size);
  }
  Status reserve(uint64_t size) override {
    VIRIDIAN_TRY_VOID(files_.enter(FileCalls::reserve, path_));
    return inner_->reserve(size);
  }
  Result<uint64_t> size() const override {
    VIRIDIAN_TRY_VOID(files_.enter(FileCalls::size, path_));
    return inner_->size();
  }

 private:
  void write_some(uint64_t offset, std::span<const Bytes> parts) {
    size_t left = files_.partial_write();
    for (const Bytes part : parts) {
      const size_t put = std::min(left, part.size());
      if (put == 0) continue;
      (void)inner_->write_at(offset, part.first(put));  // the call fails anyway
      offset += put;
      left -= put;
    }
  }

  FaultyFiles& files_;
  std::string path_;
  std::unique_ptr<File> inner_;
};

void FaultyFiles::fail(const Fault& fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  since_fault_ = 0;
  struck_ = false;
}

void FaultyFiles::clear() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
}

uint64_t FaultyFiles::count(FileCalls calls) const {
  const std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (size_t bit = 0; bit < counts_.size(); ++bit)
    if (overlap(calls, static_cast<FileCalls>(uint32_t{1} << bit))) sum += counts_[bit];
  return sum;
}

bool FaultyFiles::struck() const {
  const std::lock_guard lock(mutex_);
  return struck_;
}

size_t FaultyFiles::partial_write() const {
  const std::lock_guard lock(mutex_);
  return fault_ ? fault_->partial_write : 0;
}

Status FaultyFiles::enter(FileCalls call, const std::string& path) {
  const std::lock_guard lock(mutex_);
  ++counts_[static_cast<size_t>(std::countr_zero(static_cast<uint32_t>(call)))];
  if (!fault_ || !overlap(fault_->calls, call)) return ok_status();
  ++since_fault_;
  const bool strikes =
      since_fault_ == fault_->nth || (fault_->every_later && since_fault_ > fault_->nth);
  if (!strikes) return ok_status();
  struck_ = true;
  return Error(fault_->code, fmt::format("injected fault {} at {}", since_fault_, path));
}

Result<std::unique_ptr<File>> FaultyFiles::open(const std::string& path, OpenMode mode) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::open, path));
  VIRIDIAN_TRY(std::unique_ptr<File> file, inner_.open(path, mode));
  return std::unique_ptr<File>(std::make_unique<FaultyFile>(*this, path, std::move(file)));
}

Result<std::unique_ptr<Mapping>> FaultyFiles::map(const std::string& path) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::map, path));
  return inner_.map(path);
}

Result<std::vector<std::string>> FaultyFiles::list(const std::string& directory) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::list, directory));
  return inner_.list(directory);
}

Result<bool> FaultyFiles::exists(const std::string& path) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::exists, path));
  return inner_.exists(path);
}

Status FaultyFiles::make_directories(const std::string& path) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::make_directories, path));
  return inner_.make_directories(path);
}

Status FaultyFiles::rename(const std::string& from, const std::string& to) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::rename, from));
  return inner_.rename(from, to);
}

Status FaultyFiles::link(const std::string& from, const std::string& to) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::rename, from));
  return inner_.link(from, to);
}

Status FaultyFiles::remove(const std::string& path) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::remove, path));
  return inner_.remove(path);
}

Status FaultyFiles::remove_all(const std::string& path) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::remove, path));
  return inner_.remove_all(path);
}

Status FaultyFiles::sync_directory(const std::string& path) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::sync_directory, path));
  return syncs_ == Syncs::real ? inner_.sync_directory(path) : ok_status();
}

Result<std::unique_ptr<Lock>> FaultyFiles::lock(const std::string& path, std::string_view holder) {
  VIRIDIAN_TRY_VOID(enter(FileCalls::lock, path));
  return inner_.lock(path, holder);
}

}  // namespace viridian::os
