#pragma once
#include "recovery/collection_repair.h"

namespace viridian::recovery {

/// Mends the log of one collection, file by file, each replaced atomically: what is whole stays as
/// it is, flipped bits that the checksums prove are put right, and records that are lost are
/// replaced by ones that change nothing, so that the numbers go on and the collection can be
/// written again.
class LogRepair {
 public:
  LogRepair(RepairTools& tools, const KnownCollection& known) : tools_(tools), known_(known) {}
  Status run(const Context&);

 private:
  /// What was there between two numbers, as new bytes of the file; empty: nothing.
  using Bytes = std::vector<std::byte>;
  Status mend_file(const Context&, ScannedLogFile& file, const std::string& path, SeqId next_file);
  Result<Bytes> mend_hole(const os::File& file, const ScannedLogFile& scanned, LogHole hole,
                          SeqId next_file, const std::string& path);
  Status bridge(SeqId first, SeqId next, const std::string& why);
  Status begin_anew(const std::vector<std::pair<SeqId, std::string>>& names);
  Status replace(const std::string& path, os::Files& files, const std::string& unfinished);

  RepairTools& tools_;
  const KnownCollection& known_;
};

}  // namespace viridian::recovery
