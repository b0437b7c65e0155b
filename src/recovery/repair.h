#pragma once
#include <string>

#include "recovery/check.h"

namespace viridian::recovery {

struct RepairOptions {
  std::string path;
  std::string snapshots;  ///< as CheckOptions
};

struct Repair {
  Report before;          ///< what check found first; clean: nothing was done
  Report done;            ///< what was put right (warnings) and what is lost (errors)
  Report after;           ///< what check finds now
  std::string set_aside;  ///< where what was replaced lies; empty: nothing was
};

/// Mends a data directory that no other process has open. Sources, best first: the same file
/// elsewhere, what the checksums prove, the other files of the collection. Nothing is deleted:
/// what is replaced is set aside, with a report. After a crash in the middle of it the directory is
/// as it was or partly mended, and repair can be run again.
///   not_found            there is no database
///   failed_precondition  another process has it, or it is of a newer version
///   data_loss            what would be needed is not there; the message says what
Result<Repair> repair(const Context&, os::Files& files, Executor& executor,
                      const RepairOptions& options);

}  // namespace viridian::recovery
