#pragma once
#include <string>

#include "os/files.h"
#include "viridian/base/result.h"

namespace viridian::sql {

/// Whether the file's pages have no checksums: this program's first version wrote it. False where
/// there is no file.
Result<bool> lacks_checksums(os::Files& files, const std::string& path);

/// Gives such a file checksums: by a copy beside it, which takes its name once it is complete and
/// synced, so that a crash leaves one or the other. No connection to it may be open.
Status add_checksums(os::Files& files, const std::string& path);

/// Removes what an interrupted add_checksums() left.
Status remove_unfinished_upgrade(os::Files& files, const std::string& path);

}  // namespace viridian::sql
