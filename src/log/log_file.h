#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/frame_reader.h"
#include "os/files.h"
#include "viridian/base/context.h"
#include "viridian/spi/log.h"

// One file of a topic: its name, what is in it, reading from it.
namespace viridian::log {

/// A place in a file at which the frame of record `seq` begins.
struct Mark {
  SeqId seq = 0;
  uint64_t offset = 0;
};

struct LogFile {
  SeqId first_seq = 0;  ///< number of its first record; what its name says
  /// Frames to start reading from, far apart, ascending. Grows as the file is written and read.
  std::vector<Mark> marks;

  /// The last mark at or before record `seq`.
  Mark mark_before(SeqId seq) const;
  /// Remembers a frame, unless one nearby is remembered or memory is short.
  void mark(SeqId seq, uint64_t offset) noexcept;
};

std::string log_file_name(SeqId first_seq);
/// The first number, where the name is a log file's.
std::optional<SeqId> parse_log_file_name(std::string_view name);

/// What is in the last file of a topic.
struct Scan {
  LogFile file;
  uint64_t end = 0;  ///< where the last whole frame ends
  SeqId last_seq = 0;
  std::optional<uint64_t> salt;
  std::optional<Error> damage;  ///< acknowledged records are lost, whole ones come after them
  uint64_t last_frame = 0;      ///< where the last whole frame begins
  bool marked = false;          ///< the last frame is a mark: all before it is durable
  uint64_t damaged_marks = 0;   ///< no record is lost with them
  /// Up to here later frames, or the file's being there, prove that everything is durable.
  uint64_t proven_end = 0;
  SeqId proven_seq = 0;
};

/// Before anything of the file that begins with record `first_seq` was looked at.
Scan scan_from_start(SeqId first_seq);
/// Goes through all frames from scan.end on. Bytes after the new `end` that are no acknowledged
/// record's are a torn tail: who writes the file cuts them off.
///   failed_precondition  the file is of a newer version
Status scan_log_file(const os::File& file, const std::string& path, Scan& scan);

/// A stretch of one file to read.
struct ReadRange {
  std::string path;
  Mark from;
  uint64_t end = 0;    ///< bytes that may be read
  SeqId next_seq = 0;  ///< the number that follows the file's last record
};

struct Collected {
  std::vector<LogBatch> batches;
  size_t bytes = 0;
  LogFile marks;                ///< of the file that was read last
  std::optional<Error> damage;  ///< set when a stored frame was found damaged
};

/// Appends the batches with records after `after`, until limit_bytes are collected. Stops in front
/// of damage; that is an error only where nothing was collected before.
Status read_log_file(const Context&, const os::File& file, const ReadRange&, SeqId after,
                     size_t limit_bytes, Collected& out);

}  // namespace viridian::log
