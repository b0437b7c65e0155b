#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/executor.h"
#include "segment/block_plan.h"
#include "segment/filter.h"
#include "segment/metadata_part.h"
#include "viridian/base/context.h"
#include "viridian/model/offset_set.h"

namespace viridian::segment {

/// A filter over the parts of a segment: planned for each block of rows, then run for as many of
/// them as a page needs. What it is given outlives it. For one thread; works on several.
class FilterRun {
 public:
  FilterRun(const Context& context, const Filter& filter, SeqId at, Executor& executor)
      : context_(context), filter_(filter), at_(at), executor_(executor) {}

  /// Only records from offset `from` on need be found.
  Status plan(const std::vector<PinnedMetadata>& parts, Offset from);
  /// The records found: of those from `from` on at least the first `count`, if there are so many.
  Result<OffsetSet> first(Offset from, uint64_t count);

 private:
  /// Rows in which to search. Their offsets lie from `least` to `greatest`.
  struct Task {
    RowSpan rows;
    Offset least = 0, greatest = 0;
    double cost = 0;
    std::unique_ptr<const BlockIndex> index;  ///< null: all rows are looked at
    std::optional<BlockPlan> plan;            ///< refers to the index
  };

  Status add(const RowSpan& rows, const RowBlock* block, Offset from);
  /// Runs the tasks [begin, end), side by side where that pays.
  Status run(size_t begin, size_t end, OffsetSet& found) const;
  Status run(const Task& task, OffsetSet& found) const;
  Status look_at(const RowSpan& rows, OffsetSet& found) const;

  const Context& context_;
  const Filter& filter_;
  SeqId at_;
  Executor& executor_;
  std::vector<Task> tasks_;
};

}  // namespace viridian::segment
