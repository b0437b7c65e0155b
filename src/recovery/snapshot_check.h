#pragma once
#include "base/executor.h"
#include "recovery/directory.h"
#include "recovery/report.h"

namespace viridian::recovery {

/// Reads all snapshots: their manifests, and every file that one of them needs, once.
Status check_snapshots(const Context&, const Directory&, Executor&, SharedReport&);

}  // namespace viridian::recovery
