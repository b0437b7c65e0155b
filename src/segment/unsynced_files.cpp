#include "segment/unsynced_files.h"

namespace viridian::segment {
namespace {

class UnsyncedFile final : public os::ForwardingFile {
 public:
  using ForwardingFile::ForwardingFile;

  Status sync() override { return ok_status(); }
};

}  // namespace

Result<std::unique_ptr<os::File>> UnsyncedFiles::open(const std::string& path, os::OpenMode mode) {
  VIRIDIAN_TRY(std::unique_ptr<os::File> opened, inner_.open(path, mode));
  return std::unique_ptr<os::File>(std::make_unique<UnsyncedFile>(std::move(opened)));
}

}  // namespace viridian::segment
