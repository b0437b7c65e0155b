#pragma once
#include "segment/manager.h"

namespace viridian::mem {

/// Segments in memory: nothing is sealed, and the log is trimmed as soon as it is applied. To be
/// used with a log and a SysDb that are in memory too.
class SegmentManager final : public segment::Manager {
 public:
  static Result<std::unique_ptr<SegmentManager>> create(System& system);
  /// `backlog_bytes`: how far writers may run ahead of what is applied.
  SegmentManager(viridian::SysDb& sysdb, Consumer& consumer, Executor& executor,
                 uint64_t backlog_bytes);
};

}  // namespace viridian::mem
