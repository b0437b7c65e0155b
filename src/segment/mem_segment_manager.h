#pragma once
#include "segment/manager.h"

namespace viridian::mem {

/// Segments in memory: nothing is sealed. A log in memory is trimmed as soon as it is applied; a
/// durable one is never trimmed, and is replayed whole after a restart.
class SegmentManager final : public segment::Manager {
 public:
  static Result<std::unique_ptr<SegmentManager>> create(System& system);
  /// `backlog_bytes`: how far writers may run ahead of what is applied.
  SegmentManager(viridian::SysDb& sysdb, Consumer& consumer, Executor& executor,
                 uint64_t backlog_bytes);
};

}  // namespace viridian::mem
