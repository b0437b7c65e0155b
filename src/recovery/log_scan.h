#pragma once
#include <optional>
#include <string>
#include <vector>

#include "os/files.h"
#include "recovery/directory.h"
#include "recovery/segment_contents.h"
#include "viridian/base/context.h"
#include "viridian/model/ids.h"

namespace viridian::recovery {

/// Whole frames end to end.
struct LogRun {
  uint64_t offset = 0, end = 0;
  SeqId first = 0, last = 0;
};

/// Bytes that are no whole frame, or none at all where a number is missing.
struct LogHole {
  uint64_t offset = 0, end = 0;
  SeqId first = 0;            ///< the records that were there: first..last
  SeqId last = 0;             ///< kUnknown: nothing after them tells; first - 1: none
  bool acknowledged = false;  ///< a later frame proves that they had been durable
};

struct ScannedLogFile {
  std::string name;
  SeqId first_seq = 0;  ///< what its name says
  SeqId next_seq = 0;   ///< after the last record it holds
  uint64_t size = 0;
  std::optional<uint64_t> salt;
  std::vector<LogRun> runs;
  std::vector<LogHole> holes;
  /// Sound checksums around what is no batch: offsets of such frames.
  std::vector<uint64_t> undecodable;
};

/// Reads a log file from end to end.
///   failed_precondition  it holds a frame of a newer version
Result<ScannedLogFile> scan_log(const Context&, const os::File& file, const std::string& name,
                                SeqId first_seq);

/// The names of a directory's log files, ascending with their numbers; `others` gets the rest.
/// A directory that is not there has none.
Result<std::vector<std::pair<SeqId, std::string>>> list_log(os::Files& files,
                                                            const std::string& directory,
                                                            std::vector<std::string>& others);

/// The log of a collection holds every record from the returned number up to `last`; `last` + 1:
/// not even that one.
Result<SeqId> first_of_unbroken(const Context&, const Directory&, const CollectionId&, SeqId last);

/// The frame at the beginning of `bytes` with the one flipped bit put right that its checksums
/// prove; null where they prove none. It begins with record `first_seq`, and its salt is the
/// file's, where that is known.
std::optional<std::vector<std::byte>> correct_frame(os::Bytes bytes, SeqId first_seq,
                                                    std::optional<uint64_t> salt);

/// Frames of records that change nothing, numbered first to last: what stands for lost ones, so
/// that the numbers go on.
std::vector<std::byte> make_filler(SeqId first, SeqId last, uint64_t salt);

}  // namespace viridian::recovery
