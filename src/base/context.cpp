#include "viridian/base/context.h"

#include <algorithm>
#include <utility>

namespace viridian {

Context Context::with_timeout(std::chrono::milliseconds timeout) {
  Context context;
  context.deadline_ = Clock::now() + timeout;
  return context;
}

Context Context::no_later_than(Clock::time_point deadline) const {
  Context context = *this;
  context.deadline_ = deadline_ ? std::min(*deadline_, deadline) : deadline;
  return context;
}

Status Context::check() const {
  if (cancelled_->load(std::memory_order_relaxed))
    return Error(Code::cancelled, "the caller went away before the answer was ready");
  if (deadline_ && Clock::now() >= *deadline_)
    return Error(Code::deadline_exceeded, "the request took longer than its time limit");
  return ok_status();
}

std::chrono::milliseconds Context::age() const noexcept {
  return freshness_ ? freshness_->age : std::chrono::milliseconds(0);
}

Context Context::with_freshness(const Freshness& freshness) const {
  Context context = *this;
  context.freshness_ = freshness;
  return context;
}

Context Context::as_forwarded() const {
  Context context = *this;
  context.forwarded_ = true;
  return context;
}

Context Context::with_trace(std::shared_ptr<PlanTrace> trace) const {
  Context context = *this;
  context.trace_ = std::move(trace);
  return context;
}

}  // namespace viridian
