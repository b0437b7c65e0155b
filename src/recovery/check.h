#pragma once
#include <functional>
#include <string>

#include "base/executor.h"
#include "os/files.h"
#include "recovery/report.h"
#include "viridian/base/context.h"

namespace viridian::recovery {

struct CheckOptions {
  std::string path;       ///< the data directory
  std::string snapshots;  ///< where snapshots are kept; empty: below the data directory
  /// Told from time to time how far it is (the numbers of a report, no findings); from any thread,
  /// one at a time. May be empty.
  std::function<void(const Report&)> progress;
};

/// Reads every byte of a data directory and reports what is wrong, writing nothing. Works beside
/// the process that writes it: what that process changes meanwhile is read again. Memory: about 32
/// bytes for each record of the collections that are being read, of which there are as many as the
/// executor has threads.
///   not_found            there is no database
///   failed_precondition  it is of a newer version
Result<Report> check(const Context&, os::Files& files, Executor& executor,
                     const CheckOptions& options);

}  // namespace viridian::recovery
