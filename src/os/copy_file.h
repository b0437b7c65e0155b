#pragma once
#include <string>

#include "os/files.h"

namespace viridian::os {

/// Makes the new file `to` with what `from` holds. Its content is durable on return, its name once
/// its directory is synced. On failure nothing is left of it. Memory: 1 MiB, however large the
/// file.
///   already_exists  `to` exists, and is left as it is
Status copy_file(Files& files, const std::string& from, const std::string& to);

}  // namespace viridian::os
