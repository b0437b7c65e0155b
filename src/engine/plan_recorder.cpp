#include "engine/plan_recorder.h"

#include <string>
#include <utility>

namespace viridian::engine {

void PlanRecorder::add(PlanStep step) {
  const std::lock_guard lock(mutex_);
  steps_.push_back(std::move(step));
}

std::vector<PlanStep> PlanRecorder::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(steps_, {});
}

PlanStage::PlanStage(const Context& context, std::string_view name) : outer_(context), name_(name) {
  if (context.trace() == nullptr) return;
  parts_ = std::make_shared<PlanRecorder>();
  inner_ = context.with_trace(parts_);
}

void PlanStage::done(uint64_t actual, std::optional<uint64_t> estimated) {
  if (parts_ == nullptr) return;
  PlanStep step{std::string(name_)};
  step.estimated = estimated;
  step.actual = actual;
  step.microseconds = took_.microseconds();
  step.steps = parts_->take();
  outer_.trace()->add(std::move(step));
}

}  // namespace viridian::engine
