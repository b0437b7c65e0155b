#include "sql/files_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace viridian::sql {
namespace {

/// A file without a name, for what SQLite keeps only until it closes it.
class MemoryFile final : public os::File {
 public:
  Result<size_t> read_at(uint64_t offset, std::span<std::byte> buffer) const override {
    if (offset >= bytes_.size()) return size_t{0};
    const size_t count = std::min<size_t>(buffer.size(), bytes_.size() - offset);
    std::memcpy(buffer.data(), bytes_.data() + offset, count);
    return count;
  }
  Status write_at(uint64_t offset, std::span<const os::Bytes> parts) override {
    for (const os::Bytes part : parts) {
      bytes_.resize(std::max<size_t>(bytes_.size(), offset + part.size()));
      std::copy(part.begin(), part.end(), bytes_.begin() + static_cast<ptrdiff_t>(offset));
      offset += part.size();
    }
    return ok_status();
  }
  Status sync() override { return ok_status(); }
  Status truncate(uint64_t size) override {
    bytes_.resize(size);
    return ok_status();
  }
  Status reserve(uint64_t) override { return ok_status(); }
  Result<uint64_t> size() const override { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
};

struct OpenFile : sqlite3_file {
  FilesVfs* vfs = nullptr;
  std::string path;
  std::unique_ptr<os::File> file;
  bool new_name = false;  // its directory is to be synced with its first sync
  bool temporary = false;
  std::shared_ptr<SharedMemory> memory;
  SharedMemory::Holder holder;
};

OpenFile& of(sqlite3_file* file) { return *static_cast<OpenFile*>(file); }
FilesVfs& of(sqlite3_vfs* vfs) { return *static_cast<FilesVfs*>(vfs->pAppData); }

// ---- Files

int close_file(sqlite3_file* base) {
  OpenFile& file = of(base);
  file.memory->leave_index(file.holder);
  file.memory->unlock(file.holder, SQLITE_LOCK_NONE);
  file.file.reset();
  if (file.temporary) (void)file.vfs->files().remove(file.path);  // the next start removes it too
  std::destroy_at(&file);
  return SQLITE_OK;
}

int read_file(sqlite3_file* base, void* to, int amount, sqlite3_int64 offset) {
  const std::span buffer(static_cast<std::byte*>(to), static_cast<size_t>(amount));
  const auto got = of(base).file->read_at(static_cast<uint64_t>(offset), buffer);
  if (!got.ok()) return of(base).vfs->failed(SQLITE_IOERR_READ, got.error());
  if (*got == buffer.size()) return SQLITE_OK;
  std::fill(buffer.begin() + static_cast<ptrdiff_t>(*got), buffer.end(), std::byte{0});
  return SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* base, const void* from, int amount, sqlite3_int64 offset) {
  const os::Bytes bytes(static_cast<const std::byte*>(from), static_cast<size_t>(amount));
  const Status status = of(base).file->write_at(static_cast<uint64_t>(offset), bytes);
  return status.ok() ? SQLITE_OK : of(base).vfs->failed(SQLITE_IOERR_WRITE, status.error());
}

int truncate_file(sqlite3_file* base, sqlite3_int64 size) {
  const Status status = of(base).file->truncate(static_cast<uint64_t>(size));
  return status.ok() ? SQLITE_OK : of(base).vfs->failed(SQLITE_IOERR_TRUNCATE, status.error());
}

int sync_file(sqlite3_file* base, int) {
  OpenFile& file = of(base);
  if (const Status status = file.file->sync(); !status.ok())
    return file.vfs->failed(SQLITE_IOERR_FSYNC, status.error());
  if (!file.new_name) return SQLITE_OK;
  const Status status = file.vfs->files().sync_directory(os::parent_of(file.path));
  if (!status.ok()) return file.vfs->failed(SQLITE_IOERR_DIR_FSYNC, status.error());
  file.new_name = false;
  return SQLITE_OK;
}

int size_of_file(sqlite3_file* base, sqlite3_int64* size) {
  const auto got = of(base).file->size();
  if (!got.ok()) return of(base).vfs->failed(SQLITE_IOERR_FSTAT, got.error());
  *size = static_cast<sqlite3_int64>(*got);
  return SQLITE_OK;
}

int lock_file(sqlite3_file* base, int level) {
  return of(base).memory->lock(of(base).holder, level);
}

int unlock_file(sqlite3_file* base, int level) {
  of(base).memory->unlock(of(base).holder, level);
  return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file* base, int* held) {
  *held = of(base).memory->reserved() ? 1 : 0;
  return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return 4096; }
// As SQLite takes it for the operating system's files: a write does not touch bytes beside it.
int device_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int map_index(sqlite3_file* base, int number, int bytes, int extend, void volatile** region) {
  *region = of(base).memory->region(of(base).holder, static_cast<size_t>(number),
                                    static_cast<size_t>(bytes), extend != 0);
  return SQLITE_OK;
}

int lock_index(sqlite3_file* base, int first, int count, int flags) {
  return of(base).memory->lock_index(of(base).holder, first, count, flags);
}

void index_barrier(sqlite3_file* base) { of(base).memory->barrier(); }

int leave_index(sqlite3_file* base, int) {
  of(base).memory->leave_index(of(base).holder);
  return SQLITE_OK;
}

sqlite3_io_methods make_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 2;
  methods.xClose = close_file;
  methods.xRead = read_file;
  methods.xWrite = write_file;
  methods.xTruncate = truncate_file;
  methods.xSync = sync_file;
  methods.xFileSize = size_of_file;
  methods.xLock = lock_file;
  methods.xUnlock = unlock_file;
  methods.xCheckReservedLock = check_reserved_lock;
  methods.xFileControl = file_control;
  methods.xSectorSize = sector_size;
  methods.xDeviceCharacteristics = device_characteristics;
  methods.xShmMap = map_index;
  methods.xShmLock = lock_index;
  methods.xShmBarrier = index_barrier;
  methods.xShmUnmap = leave_index;
  return methods;
}

// ---- Directories

Result<std::unique_ptr<os::File>> open_named(FilesVfs& vfs, const std::string& path, int flags,
                                             bool& created) {
  if ((flags & SQLITE_OPEN_CREATE) == 0)
    return vfs.files().open(
        path, (flags & SQLITE_OPEN_READWRITE) != 0 ? os::OpenMode::write : os::OpenMode::read);
  VIRIDIAN_TRY(const bool exists, vfs.files().exists(path));
  created = !exists;
  return vfs.files().open(path, (flags & SQLITE_OPEN_EXCLUSIVE) != 0 ? os::OpenMode::create
                                                                     : os::OpenMode::open_create);
}

int open_file(sqlite3_vfs* base, const char* name, sqlite3_file* raw, int flags, int* out_flags) {
  static const sqlite3_io_methods kMethods = make_methods();
  raw->pMethods = nullptr;  // until it is open there is nothing to close
  FilesVfs& vfs = of(base);
  std::unique_ptr<os::File> opened = std::make_unique<MemoryFile>();
  bool created = false;
  if (name != nullptr) {
    auto named = open_named(vfs, name, flags, created);
    if (!named.ok()) return vfs.failed(SQLITE_CANTOPEN, named.error());
    opened = *std::move(named);
  }
  OpenFile& file = *std::construct_at(static_cast<OpenFile*>(raw));
  file.pMethods = &kMethods;
  file.vfs = &vfs;
  file.path = name != nullptr ? name : "";
  file.file = std::move(opened);
  file.new_name = created;
  file.temporary = name != nullptr && (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  file.memory = vfs.shared(file.path);
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* base, const char* name, int sync_directory) {
  FilesVfs& vfs = of(base);
  if (const Status status = vfs.files().remove(name); !status.ok())
    return vfs.failed(SQLITE_IOERR_DELETE, status.error());
  if (sync_directory == 0) return SQLITE_OK;
  const Status status = vfs.files().sync_directory(os::parent_of(name));
  return status.ok() ? SQLITE_OK : vfs.failed(SQLITE_IOERR_DIR_FSYNC, status.error());
}

/// An empty file counts as none, as SQLite has it for its journals.
Result<bool> holds_something(os::Files& files, const std::string& path) {
  VIRIDIAN_TRY(const bool exists, files.exists(path));
  if (!exists) return false;
  VIRIDIAN_TRY(const auto file, files.open(path, os::OpenMode::read));
  VIRIDIAN_TRY(const uint64_t size, file->size());
  return size > 0;
}

int access_file(sqlite3_vfs* base, const char* name, int flags, int* there) {
  const auto found = flags == SQLITE_ACCESS_EXISTS ? holds_something(of(base).files(), name)
                                                   : of(base).files().exists(name);
  if (!found.ok()) return of(base).failed(SQLITE_IOERR_ACCESS, found.error());
  *there = *found ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  const size_t length = std::strlen(name);
  if (length + 1 > static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, name, length + 1);
  return SQLITE_OK;
}

// ---- What is no file

int randomness(sqlite3_vfs*, int size, char* out) {
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  return system->xRandomness(system, size, out);
}

int sleep_for(sqlite3_vfs*, int microseconds) {
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  return system->xSleep(system, microseconds);
}

int current_time(sqlite3_vfs*, double* days) {
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  return system->xCurrentTime(system, days);
}

int last_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

std::shared_ptr<FilesVfs> FilesVfs::of(os::Files& files) {
  // Connections must share their locks, whoever opened them, as processes share those of the
  // operating system.
  static std::mutex mutex;
  static std::map<const os::Files*, std::weak_ptr<FilesVfs>> all;
  const std::lock_guard lock(mutex);
  std::erase_if(all, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<FilesVfs>& known = all[&files];
  std::shared_ptr<FilesVfs> vfs = known.lock();
  if (vfs == nullptr) known = vfs = std::make_shared<FilesVfs>(files);
  return vfs;
}

FilesVfs::FilesVfs(os::Files& files) : files_(files), vfs_(std::make_unique<sqlite3_vfs>()) {
  *vfs_ = sqlite3_vfs{};
  vfs_->iVersion = 1;
  vfs_->szOsFile = sizeof(OpenFile);
  vfs_->mxPathname = 4096;
  vfs_->zName = "viridian-files";
  vfs_->pAppData = this;
  vfs_->xOpen = open_file;
  vfs_->xDelete = delete_file;
  vfs_->xAccess = access_file;
  vfs_->xFullPathname = full_path;
  vfs_->xRandomness = randomness;
  vfs_->xSleep = sleep_for;
  vfs_->xCurrentTime = current_time;
  vfs_->xGetLastError = last_error;
}

FilesVfs::~FilesVfs() = default;

int FilesVfs::failed(int code, const Error& error) {
  const std::lock_guard lock(mutex_);
  failure_ = error;
  const bool writes = code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_TRUNCATE;
  return writes && error.code() == Code::resource_exhausted ? SQLITE_FULL : code;
}

std::optional<Error> FilesVfs::take_failure() {
  const std::lock_guard lock(mutex_);
  return std::exchange(failure_, std::nullopt);
}

std::shared_ptr<SharedMemory> FilesVfs::shared(const std::string& path) {
  if (path.empty()) return std::make_shared<SharedMemory>();
  const std::lock_guard lock(mutex_);
  std::weak_ptr<SharedMemory>& known = shared_[path];
  std::shared_ptr<SharedMemory> memory = known.lock();
  if (memory == nullptr) known = memory = std::make_shared<SharedMemory>();
  return memory;
}

}  // namespace viridian::sql
