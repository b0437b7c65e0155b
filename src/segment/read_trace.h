#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "segment/vector_part.h"
#include "viridian/base/context.h"
#include "viridian/model/plan.h"

namespace viridian::segment {

class SealedFile;
struct PinnedVectors;

/// How a step of a plan names a file.
std::string name_in_plan(const SealedFile& file);
/// The same of a part, which may be a head.
std::string name_in_plan(const PinnedVectors& pinned);

/// What a search by reading did on each part of a segment. Thread-safe.
class ReadTrace {
 public:
  enum class How : uint8_t { rows, codes };
  struct Work {
    uint64_t looked_at = 0;  ///< rows, or codes of rows
    uint64_t exact = 0;      ///< rows of which the distance was computed
    uint64_t nanoseconds = 0;
  };

  void add(const VectorPart& part, How how, const Work& more);
  /// A step for each of these parts and way that something was added for. At most `allowed` of
  /// their rows were wanted.
  void tell(PlanTrace& trace, std::span<const PinnedVectors> parts, uint64_t allowed) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<const VectorPart*, How>, Work> work_;  // guarded by mutex_
};

}  // namespace viridian::segment
