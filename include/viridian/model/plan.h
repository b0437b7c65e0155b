#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace viridian {

/// One thing that was done to answer a read, as docs/api.md names them. What is unset is not known,
/// or means nothing for such a step.
struct PlanStep {
  std::string name;                        ///< what was done: filter, walk, ...
  std::string on = {};                     ///< on what: a condition, a head or a file
  std::string how = {};                    ///< in which of several ways
  std::optional<uint64_t> among = {};      ///< rows in question
  std::optional<uint64_t> estimated = {};  ///< rows that it was expected to leave, at most
  std::optional<uint64_t> actual = {};     ///< rows that it left
  std::optional<uint64_t> looked_at = {};  ///< rows that were read for it, or codes of rows
  std::optional<double> share = {};        ///< of a file's rows, that which is allowed, about
  std::optional<uint64_t> breadth = {};    ///< of a walk
  std::optional<double> cost = {};         ///< expected: microseconds of one processor
  /// Taken, on the clock; of steps within a step that several threads share, the sum of theirs.
  uint64_t microseconds = 0;
  std::vector<PlanStep> steps = {};  ///< that this one consists of
  friend bool operator==(const PlanStep&, const PlanStep&) = default;
};

}  // namespace viridian
