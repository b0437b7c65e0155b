#include "sql/follower.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "sql/checked_vfs.h"
#include "sql/write_ahead_log.h"

namespace viridian::sql {
namespace {

constexpr int kAttempts = 50;
// Bytes of the header that name the journal mode: 2 the write-ahead log, 1 a rollback journal.
constexpr size_t kWriteVersionAt = 18;
constexpr size_t kReadVersionAt = 19;

/// Up to `count` bytes from `offset` on; nothing where there is no file.
Result<std::vector<std::byte>> read_some(os::Files& files, const std::string& path, uint64_t offset,
                                         uint64_t count) {
  std::vector<std::byte> bytes;
  auto file = files.open(path, os::OpenMode::read);
  if (!file.ok() && file.error().code() == Code::not_found) return bytes;
  if (!file.ok()) return std::move(file).error();
  VIRIDIAN_TRY(const uint64_t size, (*file)->size());
  if (offset >= size) return bytes;
  bytes.resize(std::min(count, size - offset));
  VIRIDIAN_TRY(const size_t got, (*file)->read_at(offset, bytes));
  bytes.resize(got);
  return bytes;
}

std::string log_of(const std::string& path) { return path + "-wal"; }
std::string journal_of(const std::string& path) { return path + "-journal"; }

Error damaged(const std::string& path, const std::string& what) {
  return Error(Code::data_loss,
               fmt::format("{}: {}; run viridian check, then viridian repair", path, what));
}

}  // namespace

Result<Database*> Follower::current() {
  VIRIDIAN_TRY(const bool same, unchanged());
  if (same) return database_.get();
  std::optional<Error> last;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    VIRIDIAN_TRY(Stamp before, read_stamp());
    auto image = read_image();
    VIRIDIAN_TRY(const Stamp after, read_stamp());
    // A checkpoint overwrites pages and empties the log. It writes page 1 first, with a header that
    // no earlier state had; so where header and log are the same before and after, every page that
    // changed meanwhile is in the log that was read, and taken from there.
    if (before == after && image.ok()) {
      stamp_ = std::move(before);
      VIRIDIAN_TRY_VOID(open_image(*image));
      return database_.get();
    }
    if (before == after && image.error().code() != Code::unavailable)
      return std::move(image).error();
    if (!image.ok()) last = image.error();
    std::this_thread::yield();
  }
  if (last) return *std::move(last);
  return Error(Code::unavailable, path_ + ": it changes faster than it can be read; try again");
}

Result<Follower::Stamp> Follower::read_stamp() {
  Stamp stamp;
  VIRIDIAN_TRY(stamp.header, read_some(files_, path_, 0, kHeaderBytes));
  VIRIDIAN_TRY(stamp.log_header, read_some(files_, log_of(path_), 0, kLogHeaderBytes));
  return stamp;
}

Result<bool> Follower::unchanged() {
  if (database_ == nullptr) return false;
  // The log's next frame before the header: a checkpoint takes the frame away, but not without a
  // trace in the header.
  if (log_end_ != 0) {
    VIRIDIAN_TRY(const auto next, read_some(files_, log_of(path_), log_end_, kLogFrameHeaderBytes));
    if (frame_belongs_to(next, stamp_.log_header)) return false;
  }
  VIRIDIAN_TRY(const Stamp now, read_stamp());
  return now == stamp_;
}

Result<Follower::Image> Follower::read_image() {
  VIRIDIAN_TRY(const auto journal, read_some(files_, journal_of(path_), 0, 1));
  if (!journal.empty())
    return Error(Code::unavailable, path_ + ": it is just being made; try again");
  // The log before the file: what a checkpoint moves meanwhile is then in both.
  VIRIDIAN_TRY(const auto log, read_some(files_, log_of(path_), 0, UINT64_MAX));
  Image image;
  VIRIDIAN_TRY(image.bytes, read_some(files_, path_, 0, UINT64_MAX));
  if (image.bytes.empty()) {
    VIRIDIAN_TRY(const bool exists, files_.exists(path_));
    if (!exists) return Error(Code::not_found, path_ + ": there is no such file");
    return Error(Code::unavailable, path_ + ": it is just being made; try again");
  }
  const LoggedPages logged = read_write_ahead_log(log);
  const auto first = logged.pages.find(1);
  const std::span<const std::byte> header =
      first == logged.pages.end() ? std::span<const std::byte>(image.bytes) : first->second;
  const PageFormat format = page_format(header);
  if (format == PageFormat::none) return damaged(path_, "it is no SQLite database");
  const uint32_t page_size = page_size_of(header);
  if (page_size == 0 || image.bytes.size() % page_size != 0 ||
      (logged.database_pages != 0 && logged.page_size != page_size))
    return damaged(path_, "its size and its page size do not fit");
  if (logged.database_pages != 0) image.bytes.resize(size_t{logged.database_pages} * page_size);
  const std::span<std::byte> all(image.bytes);
  for (uint32_t number = 1; size_t{number} * page_size <= all.size(); ++number) {
    const size_t at = (size_t{number} - 1) * page_size;
    const std::span<std::byte> page = all.subspan(at, page_size);
    if (const auto newer = logged.pages.find(number); newer != logged.pages.end())
      std::ranges::copy(newer->second, page.begin());
    else if (format == PageFormat::checked && !page_is_intact(page, number))
      return damaged(path_, fmt::format("page {} at offset {} is damaged: is damaged", number, at));
  }
  image.log_end = logged.end;
  return image;
}

Status Follower::open_image(const Image& image) {
  sqlite3* handle = nullptr;
  const int opened =
      sqlite3_open_v2(":memory:", &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  auto database = std::make_unique<Database>(handle, path_, nullptr);
  auto* copy = static_cast<unsigned char*>(sqlite3_malloc64(image.bytes.size()));
  if (opened != SQLITE_OK || copy == nullptr) {
    sqlite3_free(copy);
    return Error(Code::resource_exhausted, "no memory for a copy of " + path_);
  }
  std::memcpy(copy, image.bytes.data(), image.bytes.size());
  copy[kWriteVersionAt] = copy[kReadVersionAt] = 1;  // the copy has no log
  const auto size = static_cast<sqlite3_int64>(image.bytes.size());
  const int code = sqlite3_deserialize(
      handle, "main", copy, size, size,
      SQLITE_DESERIALIZE_FREEONCLOSE | (prepare_ ? SQLITE_DESERIALIZE_RESIZEABLE : 0));
  if (code != SQLITE_OK)
    return Error(Code::internal,
                 fmt::format("{}: its copy cannot be opened (SQLite code {})", path_, code));
  VIRIDIAN_TRY_VOID(database->execute(
      "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA journal_mode = MEMORY;",
      "setting up the copy"));
  if (prepare_) VIRIDIAN_TRY_VOID(prepare_(*database));
  VIRIDIAN_TRY_VOID(database->execute("PRAGMA query_only = ON", "setting up the copy"));
  log_end_ = image.log_end;
  database_ = std::move(database);
  return ok_status();
}

}  // namespace viridian::sql
