#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "os/files.h"
#include "sql/database.h"
#include "sql/page_checksum.h"
#include "viridian/base/result.h"

namespace viridian::sql {

/// Reads a database that another process may be writing, or was writing when it died, without
/// taking a lock and without writing a byte: loads it whole into memory, the committed part of the
/// write-ahead log included, and again when it has changed. The writer must change the header with
/// each commit, as with PRAGMA user_version. For one thread at a time.
class Follower {
 public:
  /// Makes of a copy that was loaded what its reader needs; it may change the copy.
  using Prepare = std::function<Status(Database&)>;

  Follower(os::Files& files, std::string path, Prepare prepare = nullptr)
      : files_(files), path_(std::move(path)), prepare_(std::move(prepare)) {}

  /// The database as it is now, read-only, until the next call.
  ///   not_found    there is none
  ///   data_loss    a page is damaged; the message says which
  ///   unavailable  it is just being made, or changes faster than it can be read
  Result<Database*> current();

 private:
  /// Where the files stood when they were read.
  struct Stamp {
    std::vector<std::byte> header;      ///< of the database file
    std::vector<std::byte> log_header;  ///< of the write-ahead log; empty where there is none
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Image {
    std::vector<std::byte> bytes;
    uint64_t log_end = 0;  ///< where the next frame of the log would begin
  };

  Result<Stamp> read_stamp();
  Result<bool> unchanged();
  Result<Image> read_image();
  Status open_image(const Image& image);

  os::Files& files_;
  const std::string path_;
  const Prepare prepare_;
  Stamp stamp_;
  uint64_t log_end_ = 0;
  std::unique_ptr<Database> database_;  // null before the first load
};

}  // namespace viridian::sql
