#pragma once
#include <map>
#include <memory>
#include <vector>

#include "base/executor.h"
#include "recovery/directory.h"
#include "recovery/log_scan.h"
#include "recovery/report.h"

namespace viridian::recovery {

/// A file of a segment as it is on the disk; null where it is not there or cannot be read.
using ScannedFiles = std::vector<std::shared_ptr<const ScannedFile>>;

/// Reads all files of a collection and its log, and reports what is wrong with them.
class CollectionCheck {
 public:
  CollectionCheck(const Directory& directory, const KnownCollection& known, Executor& executor,
                  SharedReport& report);

  /// Errors are about the check itself (cancelled, out of handles); what it finds is in the report.
  Status run(const Context&);
  /// As run(), of the sealed files alone.
  Status run_files(const Context&);
  /// Whether anything but notes was found.
  bool found_anything() const noexcept { return found_; }

 private:
  Status check_rows(const Context&);
  Status scan_segment(const Context&, const Segment&, ScannedFiles& out);
  Status check_sections(const Context&);
  void check_against_each_other();
  void name_lost_vectors();
  Status check_log(const Context&);
  void report_log_file(const ScannedLogFile& file, bool newest);
  Status report_orphans();

  void report_damage(const ScannedFile& file);
  void add(Finding finding);
  Complaint complaint_about(const ScannedFile& file);
  Finding about(const std::string& file, std::string what) const;

  const Directory& directory_;
  const KnownCollection& known_;
  Executor& executor_;
  SharedReport& report_;
  std::mutex mutex_;
  bool found_ = false;  // guarded by mutex_ while run() is under way
  ScannedFiles metadata_scans_, vector_scans_;
  std::vector<MetadataContents> metadata_;
  std::vector<VectorContents> vectors_;
  bool all_intact_ = true;
};

}  // namespace viridian::recovery
