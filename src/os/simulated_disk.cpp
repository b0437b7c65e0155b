#include "os/simulated_disk.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

#include "os/real_files.h"

namespace viridian::os {

class SimulatedDisk::OpenFile final : public File {
 public:
  OpenFile(SimulatedDisk& disk, InodeNumber inode, std::string path, bool writable)
      : disk_(disk), inode_(inode), path_(std::move(path)), writable_(writable) {}

  Result<size_t> read_at(uint64_t offset, std::span<std::byte> buffer) const override {
    const std::lock_guard lock(disk_.mutex_);
    const DiskState::Buffer& bytes = disk_.now_.bytes(inode_);
    if (offset >= bytes.size()) return size_t{0};
    const size_t got = std::min<size_t>(buffer.size(), bytes.size() - offset);
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(offset), got, buffer.begin());
    return got;
  }
  using File::write_at;
  Status write_at(uint64_t offset, std::span<const Bytes> parts) override {
    if (!writable_) return system_error("write", path_, EBADF);
    return disk_.write(inode_, path_, offset, parts);
  }
  Status sync() override { return disk_.sync(inode_, path_); }
  Status truncate(uint64_t size) override {
    if (!writable_) return system_error("truncate", path_, EBADF);
    const std::lock_guard lock(disk_.mutex_);
    const uint64_t before = disk_.now_.bytes(inode_).size();
    if (size == before) return ok_status();
    VIRIDIAN_TRY_VOID(disk_.check_not_mapped(inode_, path_));
    if (size > before && disk_.capacity_ < disk_.now_.used_bytes() + (size - before))
      return system_error("truncate", path_, ENOSPC);
    disk_.perform({DiskOperation::Kind::truncate, inode_, {}, size, {}, path_});
    return ok_status();
  }
  Status reserve(uint64_t size) override {
    const std::lock_guard lock(disk_.mutex_);
    const uint64_t before = disk_.now_.bytes(inode_).size();
    if (size > before && disk_.capacity_ < disk_.now_.used_bytes() + (size - before))
      return system_error("reserve space for", path_, ENOSPC);
    return ok_status();
  }
  Result<uint64_t> size() const override {
    const std::lock_guard lock(disk_.mutex_);
    return disk_.now_.bytes(inode_).size();
  }

 private:
  SimulatedDisk& disk_;
  const InodeNumber inode_;
  const std::string path_;
  const bool writable_;
};

class SimulatedDisk::WholeFile final : public Mapping {
 public:
  explicit WholeFile(std::shared_ptr<const DiskState::Buffer> bytes) : bytes_(std::move(bytes)) {}
  Bytes bytes() const noexcept override { return *bytes_; }
  std::weak_ptr<const void> alive() const { return alive_; }

 private:
  std::shared_ptr<const DiskState::Buffer> bytes_;
  std::shared_ptr<const void> alive_ = std::make_shared<char>();
};

class SimulatedDisk::HeldLock final : public Lock {
 public:
  HeldLock(SimulatedDisk& disk, InodeNumber inode) : disk_(disk), inode_(inode) {}
  ~HeldLock() override {
    const std::lock_guard lock(disk_.mutex_);
    disk_.locked_.erase(inode_);
  }
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;

 private:
  SimulatedDisk& disk_;
  const InodeNumber inode_;
};

SimulatedDisk::SimulatedDisk(DiskState start) : start_(std::move(start)), now_(start_) {}

void SimulatedDisk::set_capacity(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

void SimulatedDisk::fail_sync(uint64_t nth) {
  const std::lock_guard lock(mutex_);
  syncs_until_failure_ = nth;
  sync_failed_ = false;
}

bool SimulatedDisk::sync_failed() const {
  const std::lock_guard lock(mutex_);
  return sync_failed_;
}

size_t SimulatedDisk::operations() const {
  const std::lock_guard lock(mutex_);
  return history_.size();
}

void SimulatedDisk::perform(DiskOperation operation) {
  now_.apply(operation);
  history_.push_back(std::move(operation));
}

Result<SimulatedDisk::Place> SimulatedDisk::place_of(std::string_view what,
                                                     const std::string& path) const {
  std::vector<std::string_view> components = components_of(path);
  if (components.empty()) return system_error(what, path, EISDIR);
  InodeNumber at = kRootInode;
  for (size_t i = 0; i + 1 < components.size(); ++i) {
    const auto found = now_.names(at).find(components[i]);
    if (found == now_.names(at).end()) return system_error(what, path, ENOENT);
    at = found->second;
    if (!now_.is_directory(at)) return system_error(what, path, ENOTDIR);
  }
  const auto found = now_.names(at).find(components.back());
  return Place{at, std::string(components.back()),
               found == now_.names(at).end() ? kNoInode : found->second};
}

Result<InodeNumber> SimulatedDisk::directory_at(std::string_view what,
                                                const std::string& path) const {
  if (components_of(path).empty()) return kRootInode;
  VIRIDIAN_TRY(const Place place, place_of(what, path));
  if (place.inode == kNoInode) return system_error(what, path, ENOENT);
  if (!now_.is_directory(place.inode)) return system_error(what, path, ENOTDIR);
  return place.inode;
}

Result<std::unique_ptr<File>> SimulatedDisk::open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(mutex_);
  VIRIDIAN_TRY(Place place, place_of("open", path));
  const bool creates = mode == OpenMode::create || mode == OpenMode::open_create;
  if (place.inode == kNoInode) {
    if (!creates) return system_error("open", path, ENOENT);
    place.inode = now_.next_inode();
    perform({DiskOperation::Kind::create,
             place.inode,
             {{place.directory, place.name, place.inode}},
             0,
             {},
             path});
  } else if (mode == OpenMode::create) {
    return system_error("open", path, EEXIST);
  }
  if (now_.is_directory(place.inode)) return system_error("open", path, EISDIR);
  return std::unique_ptr<File>(
      std::make_unique<OpenFile>(*this, place.inode, path, mode != OpenMode::read));
}

Result<std::unique_ptr<Mapping>> SimulatedDisk::map(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIRIDIAN_TRY(const Place place, place_of("open", path));
  if (place.inode == kNoInode) return system_error("open", path, ENOENT);
  if (now_.is_directory(place.inode)) return system_error("map", path, ENODEV);
  auto mapping = std::make_unique<WholeFile>(now_.share(place.inode));
  std::erase_if(mapped_, [](const auto& entry) { return entry.second.expired(); });
  mapped_.emplace_back(place.inode, mapping->alive());
  return std::unique_ptr<Mapping>(std::move(mapping));
}

Result<std::vector<std::string>> SimulatedDisk::list(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  VIRIDIAN_TRY(const InodeNumber inode, directory_at("list", directory));
  std::vector<std::string> names;
  for (const auto& [name, child] : now_.names(inode)) names.push_back(name);
  return names;
}

Result<bool> SimulatedDisk::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return now_.find(path) != kNoInode;
}

Status SimulatedDisk::make_directories(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return make_directories_locked(path);
}

Status SimulatedDisk::make_directories_locked(const std::string& path) {
  const std::vector<std::string_view> components = components_of(path);
  std::string at;
  for (size_t i = 0; i < components.size(); ++i) {
    const std::string parent = at.empty() ? "/" : at;
    at.append("/").append(components[i]);
    VIRIDIAN_TRY(const Place place, place_of("make the directory", at));
    const bool last = i + 1 == components.size();
    if (place.inode != kNoInode && !now_.is_directory(place.inode))
      return system_error("make the directory", at, last ? EEXIST : ENOTDIR);
    if (place.inode == kNoInode) {
      const InodeNumber made = now_.next_inode();
      perform({DiskOperation::Kind::make_directory,
               made,
               {{place.directory, place.name, made}},
               0,
               {},
               at});
    }
    // Only what is made is synced, as the interface promises no more.
    if (place.inode == kNoInode) VIRIDIAN_TRY_VOID(sync_directory_locked(parent));
  }
  return ok_status();
}

Status SimulatedDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const std::string both = fmt::format("{} to {}", from, to);
  VIRIDIAN_TRY(const Place source, place_of("rename", from));
  VIRIDIAN_TRY(const Place target, place_of("rename", to));
  if (source.inode == kNoInode) return system_error("rename", both, ENOENT);
  if (source.inode == target.inode) return ok_status();
  if (target.inode != kNoInode && now_.is_directory(target.inode))
    return system_error("rename", both, now_.is_directory(source.inode) ? ENOTEMPTY : EISDIR);
  perform(
      {DiskOperation::Kind::names,
       source.inode,
       {{source.directory, source.name, kNoInode}, {target.directory, target.name, source.inode}},
       0,
       {},
       both});
  return ok_status();
}

Status SimulatedDisk::link(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const std::string both = fmt::format("{} to {}", from, to);
  VIRIDIAN_TRY(const Place source, place_of("link", from));
  if (source.inode == kNoInode) return system_error("link", both, ENOENT);
  VIRIDIAN_TRY(const Place target, place_of("link", to));
  if (target.inode != kNoInode) return system_error("link", both, EEXIST);
  if (now_.is_directory(source.inode))
    return Error(Code::failed_precondition, fmt::format("cannot link {}: a directory", both));
  perform({DiskOperation::Kind::names,
           source.inode,
           {{target.directory, target.name, source.inode}},
           0,
           {},
           both});
  return ok_status();
}

Result<SimulatedDisk::Place> SimulatedDisk::place_to_remove(const std::string& path) const {
  Result<Place> place = place_of("remove", path);
  if (!place.ok() && place.error().code() == Code::not_found) return Place();
  return place;
}

Status SimulatedDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIRIDIAN_TRY(const Place place, place_to_remove(path));
  if (place.inode == kNoInode) return ok_status();
  if (now_.is_directory(place.inode)) return system_error("remove", path, EISDIR);
  perform({DiskOperation::Kind::names,
           place.inode,
           {{place.directory, place.name, kNoInode}},
           0,
           {},
           path});
  return ok_status();
}

Status SimulatedDisk::remove_all(const std::string& path) {
  const std::lock_guard lock(mutex_);
  VIRIDIAN_TRY(const Place place, place_to_remove(path));
  if (place.inode == kNoInode) return ok_status();
  remove_tree(place, path);
  return ok_status();
}

void SimulatedDisk::remove_tree(const Place& place, const std::string& path) {
  if (now_.is_directory(place.inode)) {
    const DiskState::Names children = now_.names(place.inode);
    for (const auto& [name, child] : children)
      remove_tree({place.inode, name, child}, join(path, name));
  }
  perform({DiskOperation::Kind::names,
           place.inode,
           {{place.directory, place.name, kNoInode}},
           0,
           {},
           path});
}

Status SimulatedDisk::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return sync_directory_locked(path);
}

Status SimulatedDisk::sync_directory_locked(const std::string& path) {
  VIRIDIAN_TRY(const InodeNumber inode, directory_at("open the directory", path));
  perform({DiskOperation::Kind::sync_directory, inode, {}, 0, {}, path});
  return ok_status();
}

Result<std::unique_ptr<Lock>> SimulatedDisk::lock(const std::string& path,
                                                  std::string_view holder) {
  VIRIDIAN_TRY(const std::unique_ptr<File> file, open(path, OpenMode::open_create));
  InodeNumber inode = kNoInode;
  {
    const std::lock_guard lock(mutex_);
    inode = now_.find(path);
    if (!locked_.insert(inode).second)
      return Error(Code::failed_precondition,
                   fmt::format("{} is locked by {}", path, as_text(now_.bytes(inode))));
  }
  auto held = std::make_unique<HeldLock>(*this, inode);
  VIRIDIAN_TRY_VOID(file->truncate(0));
  VIRIDIAN_TRY_VOID(file->write_at(0, as_bytes(holder)));
  return std::unique_ptr<Lock>(std::move(held));
}

Status SimulatedDisk::check_not_mapped(InodeNumber file, const std::string& path) const {
  for (const auto& [inode, alive] : mapped_)
    if (inode == file && !alive.expired())
      return Error(Code::internal, fmt::format("{} is written while it is mapped", path));
  return ok_status();
}

Status SimulatedDisk::write(InodeNumber file, const std::string& path, uint64_t offset,
                            std::span<const Bytes> parts) {
  const std::lock_guard lock(mutex_);
  VIRIDIAN_TRY_VOID(check_not_mapped(file, path));
  DiskOperation operation{DiskOperation::Kind::write, file, {}, offset, {}, path};
  for (const Bytes part : parts)
    operation.data.insert(operation.data.end(), part.begin(), part.end());
  const size_t wanted = operation.data.size();
  if (capacity_ != std::numeric_limits<uint64_t>::max()) {
    const uint64_t used = now_.used_bytes();
    const uint64_t free = capacity_ > used ? capacity_ - used : 0;
    const uint64_t fits = now_.bytes(file).size() + free;
    operation.data.resize(std::min<uint64_t>(wanted, fits > offset ? fits - offset : 0));
  }
  const bool whole = operation.data.size() == wanted;
  if (!operation.data.empty()) perform(std::move(operation));
  return whole ? ok_status() : Status(system_error("write", path, ENOSPC));
}

Status SimulatedDisk::sync(InodeNumber file, const std::string& path) {
  const std::lock_guard lock(mutex_);
  const bool fails = syncs_until_failure_ == 1;
  if (syncs_until_failure_ > 0) --syncs_until_failure_;
  if (!fails) {
    perform({DiskOperation::Kind::sync, file, {}, 0, {}, path});
    return ok_status();
  }
  sync_failed_ = true;
  perform({DiskOperation::Kind::failed_sync, file, {}, history_.size(), {}, path});
  return system_error("sync", path, EIO);
}

void PowerCut::advance_to(size_t operation) {
  for (; position_ < operation; ++position_) state_.apply(disk_.history()[position_]);
}

}  // namespace viridian::os
