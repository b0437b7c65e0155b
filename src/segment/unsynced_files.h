#pragma once
#include "os/forwarding_files.h"

namespace viridian::segment {

/// Files that nobody needs after this process: nothing is ever synced.
class UnsyncedFiles final : public os::ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;

  Result<std::unique_ptr<os::File>> open(const std::string& path, os::OpenMode mode) override;
  Status sync_directory(const std::string&) override { return ok_status(); }
};

}  // namespace viridian::segment
