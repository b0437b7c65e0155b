#pragma once
#include "viridian/model/plan.h"

namespace viridian {

/// Is told how a read is done, step by step. It travels in the Context of a call that wants to know
/// (see Context::trace()); all others have none, and nobody counts anything for them. Thread-safe.
class PlanTrace {
 public:
  virtual ~PlanTrace() = default;
  /// To be called when the step is done.
  virtual void add(PlanStep step) = 0;
};

}  // namespace viridian
