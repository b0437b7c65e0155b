#include "sql/checked_vfs.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <bit>
#include <cstring>
#include <system_error>
#include <vector>

namespace viridian::sql {
namespace {

/// SQLite's view of a file; the file below follows it in the same memory.
struct CheckedFile : sqlite3_file {
  CheckedVfs* vfs = nullptr;
  std::string path;
  bool checked = false;  // its pages have checksums
  std::vector<std::byte> scratch;
};
constexpr size_t kInnerAt = (sizeof(CheckedFile) + 15) / 16 * 16;

CheckedFile& of(sqlite3_file* file) { return *static_cast<CheckedFile*>(file); }
CheckedVfs& of(sqlite3_vfs* vfs) { return *static_cast<CheckedVfs*>(vfs->pAppData); }
sqlite3_file* inner_memory(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<std::byte*>(file) + kInnerAt);
}

/// The reason for a code from below, where that is our own code.
int passed(sqlite3_file* file, int code) {
  return code == SQLITE_OK ? code : of(file).vfs->failed(code, std::nullopt);
}

// ---- Pages

bool is_page(int amount, sqlite3_int64 offset) {
  return amount >= 512 && std::has_single_bit(static_cast<unsigned>(amount)) &&
         offset % amount == 0;
}
uint64_t page_number(int amount, sqlite3_int64 offset) {
  return static_cast<uint64_t>(offset / amount) + 1;
}

int read_file(sqlite3_file* file, void* to, int amount, sqlite3_int64 offset) {
  sqlite3_file* inner = inner_memory(file);
  const int code = inner->pMethods->xRead(inner, to, amount, offset);
  const bool page = of(file).checked && is_page(amount, offset);
  // A page that is cut off has been lost: SQLite does not ask for those it has never written.
  if (code != SQLITE_OK && (code != SQLITE_IOERR_SHORT_READ || !page))
    return code == SQLITE_IOERR_SHORT_READ ? code : passed(file, code);
  if (!page) return code;
  const std::span bytes(static_cast<const std::byte*>(to), static_cast<size_t>(amount));
  if (code == SQLITE_OK && page_is_intact(bytes, page_number(amount, offset))) return SQLITE_OK;
  return of(file).vfs->page_damaged(of(file).path, page_number(amount, offset),
                                    static_cast<uint64_t>(offset));
}

int write_file(sqlite3_file* base, const void* from, int amount, sqlite3_int64 offset) {
  CheckedFile& file = of(base);
  if (const int refused = file.vfs->refuse_write(); refused != 0) return refused;
  sqlite3_file* inner = inner_memory(base);
  const void* source = from;
  if (file.checked && is_page(amount, offset)) {
    const auto* bytes = static_cast<const std::byte*>(from);
    file.scratch.assign(bytes, bytes + amount);
    clear_unused(file.scratch, page_number(amount, offset));
    seal_page(file.scratch, page_number(amount, offset));
    source = file.scratch.data();
  }
  return passed(base, inner->pMethods->xWrite(inner, source, amount, offset));
}

int sync_file(sqlite3_file* file, int flags) {
  if (const int refused = of(file).vfs->refuse_write(); refused != 0) return refused;
  sqlite3_file* inner = inner_memory(file);
  const int code = inner->pMethods->xSync(inner, flags);
  if (code == SQLITE_OK) return code;
  int number = 0;
  (void)inner->pMethods->xFileControl(inner, SQLITE_FCNTL_LAST_ERRNO, &number);
  return of(file).vfs->sync_failed(code, of(file).path, number);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (const int refused = of(file).vfs->refuse_write(); refused != 0) return refused;
  sqlite3_file* inner = inner_memory(file);
  return passed(file, inner->pMethods->xTruncate(inner, size));
}

// ---- What is only passed on

int close_file(sqlite3_file* file) {
  sqlite3_file* inner = inner_memory(file);
  const int code = inner->pMethods->xClose(inner);
  std::destroy_at(&of(file));
  return code;
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  sqlite3_file* inner = inner_memory(file);
  return passed(file, inner->pMethods->xFileSize(inner, size));
}
int lock_file(sqlite3_file* file, int level) {
  sqlite3_file* inner = inner_memory(file);
  return inner->pMethods->xLock(inner, level);
}
int unlock_file(sqlite3_file* file, int level) {
  sqlite3_file* inner = inner_memory(file);
  return inner->pMethods->xUnlock(inner, level);
}
int check_reserved_lock(sqlite3_file* file, int* held) {
  sqlite3_file* inner = inner_memory(file);
  return inner->pMethods->xCheckReservedLock(inner, held);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
  sqlite3_file* inner = inner_memory(file);
  return inner->pMethods->xFileControl(inner, operation, argument);
}
int sector_size(sqlite3_file* file) {
  sqlite3_file* inner = inner_memory(file);
  return inner->pMethods->xSectorSize(inner);
}
int device_characteristics(sqlite3_file* file) {
  sqlite3_file* inner = inner_memory(file);
  return inner->pMethods->xDeviceCharacteristics(inner);
}
int map_index(sqlite3_file* file, int region, int bytes, int extend, void volatile** at) {
  sqlite3_file* inner = inner_memory(file);
  return inner->pMethods->xShmMap(inner, region, bytes, extend, at);
}
int lock_index(sqlite3_file* file, int first, int count, int flags) {
  sqlite3_file* inner = inner_memory(file);
  return inner->pMethods->xShmLock(inner, first, count, flags);
}
void index_barrier(sqlite3_file* file) {
  sqlite3_file* inner = inner_memory(file);
  inner->pMethods->xShmBarrier(inner);
}
int leave_index(sqlite3_file* file, int remove) {
  sqlite3_file* inner = inner_memory(file);
  return inner->pMethods->xShmUnmap(inner, remove);
}

sqlite3_io_methods make_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 2;  // without mapped pages, which could not be checked
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

// ---- The file system

/// Whether the pages of an open database file have checksums. An empty one will have, and so will
/// one whose first page was being written when the power went: SQLite rolls that back.
int find_format(sqlite3_file* inner, bool& checked) {
  std::array<std::byte, kHeaderBytes> header{};
  const int code = inner->pMethods->xRead(inner, header.data(), kHeaderBytes, 0);
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return code;
  checked = page_format(header) != PageFormat::plain;
  return SQLITE_OK;
}

int open_file(sqlite3_vfs* base, const char* name, sqlite3_file* raw, int flags, int* out_flags) {
  static const sqlite3_io_methods kMethods = make_methods();
  raw->pMethods = nullptr;
  CheckedVfs& vfs = of(base);
  sqlite3_file* inner = inner_memory(raw);
  const int code = vfs.inner().xOpen(&vfs.inner(), name, inner, flags, out_flags);
  if (code != SQLITE_OK) return vfs.failed(code, std::nullopt);
  bool checked = false;
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
    if (const int found = find_format(inner, checked); found != SQLITE_OK) {
      inner->pMethods->xClose(inner);
      return vfs.failed(found, std::nullopt);
    }
    vfs.found_format(checked);
  }
  CheckedFile& file = *std::construct_at(static_cast<CheckedFile*>(raw));
  file.pMethods = &kMethods;
  file.vfs = &vfs;
  file.path = name != nullptr ? name : "a temporary file";
  file.checked = checked;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* base, const char* name, int sync_directory) {
  CheckedVfs& vfs = of(base);
  if (const int refused = vfs.refuse_write(); refused != 0) return refused;
  const int code = vfs.inner().xDelete(&vfs.inner(), name, sync_directory);
  if (code == SQLITE_IOERR_DIR_FSYNC) return vfs.sync_failed(code, os::parent_of(name), 0);
  if (code == SQLITE_OK || code == SQLITE_IOERR_DELETE_NOENT) return code;
  return vfs.failed(code, std::nullopt);
}

int access_file(sqlite3_vfs* base, const char* name, int flags, int* there) {
  CheckedVfs& vfs = of(base);
  const int code = vfs.inner().xAccess(&vfs.inner(), name, flags, there);
  return code == SQLITE_OK ? code : vfs.failed(code, std::nullopt);
}
int full_path(sqlite3_vfs* base, const char* name, int size, char* out) {
  sqlite3_vfs& inner = of(base).inner();
  return inner.xFullPathname(&inner, name, size, out);
}
int randomness(sqlite3_vfs* base, int size, char* out) {
  sqlite3_vfs& inner = of(base).inner();
  return inner.xRandomness(&inner, size, out);
}
int sleep_for(sqlite3_vfs* base, int microseconds) {
  sqlite3_vfs& inner = of(base).inner();
  return inner.xSleep(&inner, microseconds);
}
int current_time(sqlite3_vfs* base, double* days) {
  sqlite3_vfs& inner = of(base).inner();
  return inner.xCurrentTime(&inner, days);
}
int last_error(sqlite3_vfs* base, int size, char* out) {
  sqlite3_vfs& inner = of(base).inner();
  return inner.xGetLastError(&inner, size, out);
}

}  // namespace

CheckedVfs::CheckedVfs(os::Files& files)
    : files_(files.native() ? nullptr : FilesVfs::of(files)),
      inner_(files_ ? files_->handle() : sqlite3_vfs_find("unix")),
      name_(fmt::format("viridian-{}", static_cast<const void*>(this))),
      vfs_(std::make_unique<sqlite3_vfs>()) {
  *vfs_ = sqlite3_vfs{};
  vfs_->iVersion = 1;
  vfs_->szOsFile = static_cast<int>(kInnerAt) + inner_->szOsFile;
  vfs_->mxPathname = inner_->mxPathname;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->xOpen = open_file;
  vfs_->xDelete = delete_file;
  vfs_->xAccess = access_file;
  vfs_->xFullPathname = full_path;
  vfs_->xRandomness = randomness;
  vfs_->xSleep = sleep_for;
  vfs_->xCurrentTime = current_time;
  vfs_->xGetLastError = last_error;
  sqlite3_vfs_register(vfs_.get(), 0);
}

CheckedVfs::~CheckedVfs() { sqlite3_vfs_unregister(vfs_.get()); }

std::optional<Error> CheckedVfs::take_failure(int code) {
  const std::lock_guard lock(mutex_);
  // SQLite may have made another of the same kind of it.
  if ((failure_.code & 0xff) != (code & 0xff)) return std::nullopt;
  return std::exchange(failure_, Failure()).why;
}

std::optional<Error> CheckedVfs::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

bool CheckedVfs::checks_pages() const {
  const std::lock_guard lock(mutex_);
  return checks_pages_.value_or(false);
}

void CheckedVfs::found_format(bool checked) {
  const std::lock_guard lock(mutex_);
  if (!checks_pages_) checks_pages_ = checked;  // later ones are attached to the connection
}

int CheckedVfs::failed(int code, const std::optional<Error>& why) {
  std::optional<Error> below = files_ ? files_->take_failure() : std::nullopt;
  const std::lock_guard lock(mutex_);
  failure_ = {code, why ? why : std::move(below)};
  return code;
}

int CheckedVfs::sync_failed(int code, const std::string& path, int system_errno) {
  const std::optional<Error> below = files_ ? files_->take_failure() : std::nullopt;
  const std::string reason =
      below ? below->message() : std::generic_category().message(system_errno);
  const std::lock_guard lock(mutex_);
  broken_ = Error(Code::data_loss,
                  fmt::format("{}: a sync failed ({}), so that what was written may be lost; "
                              "nothing more is written until it is opened again",
                              path, reason));
  failure_ = {code, broken_};
  return code;
}

int CheckedVfs::page_damaged(const std::string& path, uint64_t page, uint64_t offset) {
  return failed(
      SQLITE_IOERR_DATA,
      Error(Code::data_loss, fmt::format("{}: page {} at offset {} is damaged or cut off; "
                                         "run viridian check, then viridian repair",
                                         path, page, offset)));
}

int CheckedVfs::refuse_write() {
  const std::lock_guard lock(mutex_);
  if (!broken_) return 0;
  failure_ = {SQLITE_IOERR_WRITE, broken_};
  return SQLITE_IOERR_WRITE;
}

}  // namespace viridian::sql
