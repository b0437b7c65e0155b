#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/result.h"

namespace viridian::os {

using Bytes = std::span<const std::byte>;
inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// An open file. Reads and writes at disjoint places may run at once.
class File {
 public:
  virtual ~File() = default;
  /// Reads up to buffer.size() bytes at `offset`; fewer only at the end of the file.
  virtual Result<size_t> read_at(uint64_t offset, std::span<std::byte> buffer) const = 0;
  /// Writes all parts, one after the other, from `offset` on. After an error what is in
  /// [offset, offset + total) is unknown. resource_exhausted: the disk is full.
  virtual Status write_at(uint64_t offset, std::span<const Bytes> parts) = 0;
  Status write_at(uint64_t offset, Bytes bytes) { return write_at(offset, std::span(&bytes, 1)); }
  /// Makes everything written so far durable, with the file's size. An error means that earlier
  /// writes may be lost and that a second sync() may wrongly succeed: the file is not to be
  /// trusted.
  virtual Status sync() = 0;
  virtual Status truncate(uint64_t size) = 0;
  /// Reserves space for [0, size) without changing the file's size. Where the file system cannot,
  /// does nothing.
  virtual Status reserve(uint64_t size) = 0;
  virtual Result<uint64_t> size() const = 0;
};

/// A whole file in memory, read-only. Writing to the file while it is mapped is a bug.
class Mapping {
 public:
  virtual ~Mapping() = default;
  virtual Bytes bytes() const noexcept = 0;
  /// It will be read here and there: what lies around that is not to be read from the disk.
  virtual void expect_scattered() noexcept {}
  /// Starts reading a part of it from the disk, as far as it is not in memory, and returns.
  virtual void will_need(Bytes /*part*/) const noexcept {}
  /// Whether the first page of a part of it is in memory, as far as the system says.
  virtual bool in_memory(Bytes /*part*/) const noexcept { return true; }
};

/// Held as long as it lives.
class Lock {
 public:
  virtual ~Lock() = default;
};

enum class OpenMode {
  read,         ///< must exist
  write,        ///< must exist
  create,       ///< must not exist
  open_create,  ///< made if need be
};

/// The one way to the disk, replaceable in tests. Thread-safe. Every message names the path.
/// Codes: not_found, already_exists, resource_exhausted (ENOSPC, EDQUOT), permission_denied,
/// data_loss (EIO), internal.
class Files {
 public:
  static constexpr std::string_view kSetting = "files";
  virtual ~Files() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<std::unique_ptr<Mapping>> map(const std::string& path) = 0;
  /// Names in a directory (not "." and ".."), ascending.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  /// Makes the directory and its parents; there already: ok. Each one made is synced into its
  /// parent, and is not there where that fails.
  virtual Status make_directories(const std::string& path) = 0;
  /// Replaces `to` if it exists. Durable only after sync_directory.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  /// A second name for the same file. Durable only after sync_directory.
  ///   already_exists       `to` exists
  ///   failed_precondition  the file system cannot, or they are on different ones: copy instead
  virtual Status link(const std::string& from, const std::string& to) = 0;
  /// Absent: ok.
  virtual Status remove(const std::string& path) = 0;
  /// A directory with everything in it. Absent: ok.
  virtual Status remove_all(const std::string& path) = 0;
  /// Makes creations, renames and removals in a directory durable.
  virtual Status sync_directory(const std::string& path) = 0;
  /// Takes the lock file for this process, writing `holder` into it.
  ///   failed_precondition  another process has it; the message says which
  virtual Result<std::unique_ptr<Lock>> lock(const std::string& path, std::string_view holder) = 0;
  /// Whether paths name files of the operating system, which a library may open by itself, around
  /// this interface. Where not, nothing may go around it.
  virtual bool native() const noexcept { return false; }
};

/// directory + "/" + name.
std::string join(std::string_view directory, std::string_view name);
/// The directory that a path without a slash at its end is in.
std::string parent_of(const std::string& path);

}  // namespace viridian::os
