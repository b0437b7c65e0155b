#include "segment/read_trace.h"

#include <algorithm>

#include "segment/sealed_file.h"
#include "segment/vector_file.h"
#include "segment/vector_reader.h"
#include "viridian/spi/plan_trace.h"

namespace viridian::segment {

std::string name_in_plan(const SealedFile& file) {
  return "file " + file.path().substr(file.path().find_last_of('/') + 1);
}

std::string name_in_plan(const PinnedVectors& pinned) {
  return pinned.file == nullptr ? "head" : name_in_plan(pinned.file->file());
}

void ReadTrace::add(const VectorPart& part, How how, const Work& more) {
  const std::lock_guard lock(mutex_);
  Work& work = work_[{&part, how}];
  work.looked_at += more.looked_at;
  work.exact += more.exact;
  work.nanoseconds += more.nanoseconds;
}

void ReadTrace::tell(PlanTrace& trace, std::span<const PinnedVectors> parts,
                     uint64_t allowed) const {
  const std::lock_guard lock(mutex_);
  for (const PinnedVectors& pinned : parts) {
    for (const How how : {How::codes, How::rows}) {
      const auto found = work_.find({pinned.part.get(), how});
      if (found == work_.end()) continue;
      const Work& work = found->second;
      PlanStep step{how == How::rows ? "read" : "scan"};
      step.on = name_in_plan(pinned);
      step.among = pinned.limit;
      step.estimated = std::min<uint64_t>(pinned.limit, allowed);
      step.actual = work.exact;
      step.looked_at = work.looked_at;
      step.microseconds = work.nanoseconds / 1000;
      trace.add(std::move(step));
    }
  }
}

}  // namespace viridian::segment
