#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "base/stopwatch.h"
#include "viridian/base/context.h"
#include "viridian/spi/plan_trace.h"

namespace viridian::engine {

/// Keeps the steps that it is told, in their order. Thread-safe.
class PlanRecorder final : public PlanTrace {
 public:
  void add(PlanStep step) override;
  /// What was added so far; it has none any more.
  std::vector<PlanStep> take();

 private:
  std::mutex mutex_;
  std::vector<PlanStep> steps_;  // guarded by mutex_
};

/// A step of a call, from where this is made to done(). Where the call's context has no trace,
/// nothing is kept. The context outlives it.
class PlanStage {
 public:
  PlanStage(const Context& context, std::string_view name);

  /// For calls on behalf of the step: the steps that they take are part of it.
  const Context& context() const noexcept { return inner_ ? *inner_ : outer_; }
  /// Tells of the step: how many records it left, of how many that were expected.
  void done(uint64_t actual, std::optional<uint64_t> estimated = {});

 private:
  const Context& outer_;
  const std::string_view name_;
  std::shared_ptr<PlanRecorder> parts_;  ///< null: nobody wants to know
  std::optional<Context> inner_;
  Stopwatch took_;
};

}  // namespace viridian::engine
