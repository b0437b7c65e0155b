#include "os/real_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "os/posix_file.h"

namespace viridian::os {
namespace {

constexpr int kRemoveTries = 100;

Code code_of(int number) {
  switch (number) {
    case ENOENT:
      return Code::not_found;
    case EEXIST:
      return Code::already_exists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
      return Code::resource_exhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::permission_denied;
    case EIO:
      return Code::data_loss;
    default:
      return Code::internal;
  }
}

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read:
      return O_RDONLY;
    case OpenMode::write:
      return O_RDWR;
    case OpenMode::create:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::open_create:
      return O_RDWR | O_CREAT;
  }
  return O_RDONLY;
}

/// Keeps errno.
bool is_directory(const std::string& path) {
  const int before = errno;
  struct stat status {};
  const bool yes = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  errno = before;
  return yes;
}

class PosixMapping final : public Mapping {
 public:
  PosixMapping(void* data, size_t size) : data_(data), size_(size) {}
  ~PosixMapping() override {
    if (size_ > 0) ::munmap(data_, size_);
  }
  PosixMapping(const PosixMapping&) = delete;
  PosixMapping& operator=(const PosixMapping&) = delete;
  Bytes bytes() const noexcept override { return {static_cast<const std::byte*>(data_), size_}; }
  // What the system answers to advice does not matter: without it all is as right, only slower.
  void expect_scattered() noexcept override {
    if (size_ > 0) (void)::madvise(data_, size_, MADV_RANDOM);
  }
  void will_need(Bytes part) const noexcept override {
    std::byte* const begin = page_of(part.data());
    const auto size = static_cast<size_t>(part.data() + part.size() - begin);
    (void)::madvise(begin, size, MADV_WILLNEED);
  }
  bool in_memory(Bytes part) const noexcept override {
    unsigned char resident = 1;
    return ::mincore(page_of(part.data()), 1, &resident) != 0 || (resident & 1) != 0;
  }

 private:
  /// Where the page begins that has this byte of the mapping.
  std::byte* page_of(const std::byte* byte) const noexcept {
    static const auto kPage = static_cast<ptrdiff_t>(::sysconf(_SC_PAGESIZE));
    std::byte* const start = static_cast<std::byte*>(data_);
    return start + (byte - start) / kPage * kPage;
  }

  void* data_;
  size_t size_;
};

/// The lock goes with the descriptor: also when the process dies.
class PosixLock final : public Lock {
 public:
  explicit PosixLock(PosixFile file) : file_(std::move(file)) {}

 private:
  PosixFile file_;
};

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

Error held_by_another(const std::string& path, const Descriptor& descriptor) {
  std::array<char, 256> text;
  const ssize_t got = ::pread(descriptor.get(), text.data(), text.size(), 0);
  const std::string_view holder(text.data(), got > 0 ? static_cast<size_t>(got) : 0);
  return Error(Code::failed_precondition,
               fmt::format("{} is locked by {}; stop that process, or use another directory", path,
                           holder.empty() ? "another process" : holder));
}

}  // namespace

Error system_error(std::string_view what, std::string_view path, int number) {
  return Error(code_of(number), fmt::format("cannot {} {}: {}", what, path,
                                            std::generic_category().message(number)));
}

std::string join(std::string_view directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  path.append(directory).push_back('/');
  return path.append(name);
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::unique_ptr<RealFiles>> RealFiles::create(System&) {
  return std::make_unique<RealFiles>();
}

Result<std::unique_ptr<File>> RealFiles::open(const std::string& path, OpenMode mode) {
  Descriptor descriptor = open_descriptor(path, flags_of(mode));
  if (!descriptor.valid()) return system_error("open", path, errno);
  return std::unique_ptr<File>(std::make_unique<PosixFile>(path, std::move(descriptor)));
}

Result<std::unique_ptr<Mapping>> RealFiles::map(const std::string& path) {
  const Descriptor descriptor = open_descriptor(path, O_RDONLY);
  if (!descriptor.valid()) return system_error("open", path, errno);
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) return system_error("look at", path, errno);
  const auto size = static_cast<size_t>(status.st_size);
  void* data = nullptr;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
    if (data == MAP_FAILED) return system_error("map", path, errno);
  }
  return std::unique_ptr<Mapping>(std::make_unique<PosixMapping>(data, size));
}

Result<std::vector<std::string>> RealFiles::list(const std::string& directory) {
  const std::unique_ptr<DIR, DirectoryCloser> open(::opendir(directory.c_str()));
  if (!open) return system_error("list", directory, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return system_error("list", directory, errno);
  std::sort(names.begin(), names.end());
  return names;
}

Result<bool> RealFiles::exists(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return system_error("look at", path, errno);
}

Status RealFiles::make_directories(const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const std::string parent = parent_of(trimmed);
  if (::mkdir(trimmed.c_str(), 0755) != 0) {
    if (errno == EEXIST && is_directory(trimmed)) return ok_status();
    if (errno != ENOENT || parent == trimmed)
      return system_error("make the directory", trimmed, errno);
    VIRIDIAN_TRY_VOID(make_directories(parent));
    if (::mkdir(trimmed.c_str(), 0755) != 0 && !(errno == EEXIST && is_directory(trimmed)))
      return system_error("make the directory", trimmed, errno);
  }
  if (Status synced = sync_directory(parent); !synced.ok()) {
    // Perhaps not durable, and a second sync would not tell: the next attempt is to make it anew.
    (void)::rmdir(trimmed.c_str());
    return synced;
  }
  return ok_status();
}

Status RealFiles::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return ok_status();
  return system_error("rename", fmt::format("{} to {}", from, to), errno);
}

Status RealFiles::link(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return ok_status();
  const int number = errno;
  Error error = system_error("link", fmt::format("{} to {}", from, to), number);
  // Other devices, file systems without links, too many links: a copy does what a link would.
  if (number == EXDEV || number == EPERM || number == EMLINK || number == EOPNOTSUPP)
    return Error(Code::failed_precondition, error.message());
  return error;
}

Status RealFiles::remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return ok_status();
  return system_error("remove", path, errno);
}

Status RealFiles::remove_all(const std::string& path) {
  std::error_code error;
  // Another thread may be removing in there: what is gone meanwhile only means to look again.
  for (int tries = 0; tries < kRemoveTries; ++tries) {
    std::filesystem::remove_all(path, error);
    if (error != std::errc::no_such_file_or_directory) break;
  }
  if (error) return system_error("remove", path, error.value());
  return ok_status();
}

Status RealFiles::sync_directory(const std::string& path) {
  const Descriptor descriptor = open_descriptor(path, O_RDONLY | O_DIRECTORY);
  if (!descriptor.valid()) return system_error("open the directory", path, errno);
  if (::fsync(descriptor.get()) != 0) return system_error("sync the directory", path, errno);
  return ok_status();
}

Result<std::unique_ptr<Lock>> RealFiles::lock(const std::string& path, std::string_view holder) {
  Descriptor descriptor = open_descriptor(path, O_RDWR | O_CREAT);
  if (!descriptor.valid()) return system_error("open", path, errno);
  int result = 0;
  do {
    result = ::flock(descriptor.get(), LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EWOULDBLOCK) return held_by_another(path, descriptor);
  if (result != 0) return system_error("lock", path, errno);
  PosixFile file(path, std::move(descriptor));
  VIRIDIAN_TRY_VOID(file.truncate(0));
  VIRIDIAN_TRY_VOID(file.write_at(0, as_bytes(holder)));
  return std::unique_ptr<Lock>(std::make_unique<PosixLock>(std::move(file)));
}

}  // namespace viridian::os
