#include "os/temporary_directory.h"

#include <stdlib.h>

#include <filesystem>

#include "base/assert.h"

namespace viridian::os {

TemporaryDirectory::TemporaryDirectory() {
  path_ = (std::filesystem::temp_directory_path() / "viridian-XXXXXX").string();
  VIRIDIAN_ASSERT(::mkdtemp(path_.data()) != nullptr);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;  // a leftover below /tmp harms nobody
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace viridian::os
