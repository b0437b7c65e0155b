#pragma once
#include <string>
#include <vector>

#include "base/executor.h"
#include "recovery/collection_check.h"
#include "recovery/copies.h"
#include "recovery/salvage.h"
#include "recovery/set_aside.h"

namespace viridian::recovery {

/// What the parts of a repair share.
struct RepairTools {
  const Directory& directory;
  Executor& executor;
  SetAside& set_aside;
  Copies& copies;
  SharedReport& report;  ///< what was done, and what is lost

  void say(Severity severity, const std::string& file, const CollectionId& collection,
           std::string what, std::string affected = {}) const;
};

/// Mends the sealed files of one collection.
class CollectionRepair {
 public:
  CollectionRepair(RepairTools& tools, const KnownCollection& known)
      : tools_(tools), known_(known) {}

  /// What is left to do.
  struct Rest {
    bool nothing = false;
    /// Every file up to this number is good, and the log holds all records after it: files after it
    /// are not needed.
    std::optional<SeqId> rewind;
  };
  /// Puts back each file by itself that can be had byte for byte. Nothing is changed where nothing
  /// is wrong.
  Result<Rest> mend_files(const Context&);
  /// Writes what is left of all files into new ones. After mend_files().
  Status rebuild(const Context&, SysDb& sysdb);

 private:
  struct Part {
    const Segment* segment = nullptr;
    const SegmentFile* named = nullptr;
    std::string path;
    std::shared_ptr<const ScannedFile> scanned;  ///< null: missing
    bool good = false;
    bool replaced = false;  ///< <path>.tmp holds it as it was written
    std::string source;     ///< of the replacement
  };
  Result<bool> is_clean(const Context&) const;
  Status scan(const Context&);
  Status find_replacement(const Context&, Part& part);
  Status take_copy(const Context&, Part& part, const std::string& copy);
  Status correct(const Context&, Part& part);
  Status put_replacements();
  Result<bool> agrees(const Context&, const Part& part,
                      const std::shared_ptr<const ScannedFile>& file) const;
  Result<std::optional<SeqId>> find_rewind(const Context&) const;
  Status publish(const Context&, SysDb& sysdb, const SegmentFile& metadata,
                 std::optional<SegmentFile> vectors);
  void say_lost(std::vector<LostRecord> lost);

  RepairTools& tools_;
  const KnownCollection& known_;
  std::vector<Part> parts_;
};

}  // namespace viridian::recovery
