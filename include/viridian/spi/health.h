#pragma once
#include <string>
#include <vector>

#include "viridian/base/context.h"

namespace viridian {

/// Something that is not as it should be.
struct HealthFinding {
  std::string what;     ///< a sentence: which part, and what is wrong with it
  bool serving = true;  ///< requests can be answered all the same
};

/// A part that knows how a system beyond this process is doing. Thread-safe.
class HealthSource {
 public:
  virtual ~HealthSource() = default;
  /// Nothing: all is well. Answers within the context's deadline, whatever it has to ask for.
  virtual std::vector<HealthFinding> health(const Context&) = 0;
};

}  // namespace viridian
