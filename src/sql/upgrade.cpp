#include "sql/upgrade.h"

#include <fmt/format.h>

#include <array>
#include <span>

#include "sql/database.h"
#include "sql/page_checksum.h"

namespace viridian::sql {
namespace {

std::string copy_of(const std::string& path) { return path + ".upgrade"; }

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

Status write_copy(os::Files& files, const std::string& path) {
  VIRIDIAN_TRY(const auto database, Database::open(files, path));
  VIRIDIAN_TRY_VOID(database->check_integrity());
  VIRIDIAN_TRY_VOID(database->execute("VACUUM INTO " + quoted(copy_of(path)), "upgrading"));
  VIRIDIAN_TRY(const bool emptied, database->checkpoint());
  if (emptied) return ok_status();
  return Error(Code::unavailable,
               path + ": another process reads it, so that it cannot be upgraded; end that one");
}

/// The old file's log, found beside the new file, would be applied to it.
Status check_no_log(os::Files& files, const std::string& path) {
  VIRIDIAN_TRY(const bool log, files.exists(path + "-wal"));
  if (!log) return ok_status();
  return Error(Code::unavailable,
               fmt::format("{}-wal is there although nothing should use {}; end the process that "
                           "does, and start again",
                           path, path));
}

}  // namespace

Result<bool> lacks_checksums(os::Files& files, const std::string& path) {
  VIRIDIAN_TRY(const bool exists, files.exists(path));
  if (!exists) return false;
  VIRIDIAN_TRY(const auto file, files.open(path, os::OpenMode::read));
  std::array<std::byte, kHeaderBytes> header{};
  VIRIDIAN_TRY(const size_t got, file->read_at(0, header));
  return page_format(std::span<const std::byte>(header).first(got)) == PageFormat::plain;
}

Status remove_unfinished_upgrade(os::Files& files, const std::string& path) {
  for (const char* suffix : {"-wal", "-shm", "-journal", ""})
    VIRIDIAN_TRY_VOID(files.remove(copy_of(path) + suffix));
  return ok_status();
}

Status add_checksums(os::Files& files, const std::string& path) {
  const std::string copy = copy_of(path);
  VIRIDIAN_TRY_VOID(remove_unfinished_upgrade(files, path));
  VIRIDIAN_TRY_VOID(write_copy(files, path));
  {
    VIRIDIAN_TRY(const auto written, Database::open(files, copy));
    VIRIDIAN_TRY_VOID(written->check_integrity());
    VIRIDIAN_TRY(const bool emptied, written->checkpoint());
    if (!emptied) return Error(Code::unavailable, copy + ": another process uses it");
  }
  {
    VIRIDIAN_TRY(const auto file, files.open(copy, os::OpenMode::write));
    VIRIDIAN_TRY_VOID(file->sync());
  }
  VIRIDIAN_TRY_VOID(check_no_log(files, path));
  VIRIDIAN_TRY_VOID(check_no_log(files, copy));
  const std::string directory = os::parent_of(path);
  VIRIDIAN_TRY_VOID(files.sync_directory(directory));  // the log is gone before the file changes
  VIRIDIAN_TRY_VOID(files.rename(copy, path));
  return files.sync_directory(directory);
}

}  // namespace viridian::sql
