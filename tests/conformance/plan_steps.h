#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "viridian/spi/plan_trace.h"

/// Plans as tests look at them.
namespace viridian::conformance {

/// Keeps what it is told.
class KeptSteps final : public PlanTrace {
 public:
  void add(PlanStep step) override {
    const std::lock_guard lock(mutex_);
    steps_.push_back(std::move(step));
  }
  std::vector<PlanStep> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(steps_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<PlanStep> steps_;
};

/// All steps of that name, those within others too.
inline std::vector<PlanStep> steps_named(const std::vector<PlanStep>& steps,
                                         std::string_view name) {
  std::vector<PlanStep> found;
  for (const PlanStep& step : steps) {
    if (step.name == name) found.push_back(step);
    for (PlanStep& inner : steps_named(step.steps, name)) found.push_back(std::move(inner));
  }
  return found;
}

inline std::vector<std::string> names_of(const std::vector<PlanStep>& steps) {
  std::vector<std::string> names;
  for (const PlanStep& step : steps) names.push_back(step.name);
  return names;
}

}  // namespace viridian::conformance
