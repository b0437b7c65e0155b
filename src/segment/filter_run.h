#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/executor.h"
#include "segment/block_plan.h"
#include "segment/filter.h"
#include "segment/filter_trace.h"
#include "segment/metadata_part.h"
#include "viridian/base/context.h"
#include "viridian/model/offset_set.h"
#include "viridian/spi/segments.h"

namespace viridian::segment {

/// A filter over the parts of a segment, planned and run for some blocks of rows at a time, and for
/// as many of them as a page needs: plans may be large. What it is given outlives it. For one
/// thread; works on several.
class FilterRun {
 public:
  FilterRun(const Context& context, const Where& where, const Filter& filter, SeqId at,
            Executor& executor)
      : context_(context),
        filter_(filter),
        at_(at),
        executor_(executor),
        trace_(FilterTrace::of(context, where, filter.root())) {}

  /// Only records from offset `from` on need be found.
  Status add(const std::vector<PinnedMetadata>& parts, Offset from);
  /// The records found: of those from `from` on at least the first `count`, if there are so many.
  Result<OffsetSet> first(Offset from, uint64_t count);
  /// Records among which all are that it selects: where a block's index leaves many documents in
  /// doubt, these are not looked at.
  Result<Candidates> candidates();

 private:
  /// Rows in which to search. Their offsets lie from `least` to `greatest`.
  struct Task {
    RowSpan rows;
    RowBlock block;  ///< without columns: all rows are looked at
    Offset least = 0, greatest = 0;
  };
  struct Planned {
    const Task* task = nullptr;
    std::unique_ptr<const BlockIndex> index;
    std::optional<BlockPlan> plan;  ///< refers to the index
    double cost = 0;
    std::unique_ptr<BlockWork> work;  ///< null: nobody wants to know
  };

  Status add(const RowSpan& rows, const RowBlock* block, Offset from);
  Result<std::vector<Planned>> plan(std::span<const Task> tasks);
  /// Runs the tasks, side by side where that pays.
  Status run(std::span<const Task> tasks, OffsetSet& found);
  Status add_visible(const RowSpan& rows, postings::RowSet selected, OffsetSet& found);
  /// The rows found, counted from the task's first one; some may not be visible.
  Result<postings::RowSet> select(const Planned& planned, bool* doubtful) const;
  Result<postings::RowSet> look_at(const RowSpan& rows, BlockWork* work) const;

  const Context& context_;
  const Filter& filter_;
  SeqId at_;
  Executor& executor_;
  std::vector<Task> tasks_;
  const std::unique_ptr<FilterTrace> trace_;  ///< null: nobody wants to know
  bool decide_ = true;                        ///< false: what is in doubt may stay so
  bool doubtful_ = false;                     ///< whether something of what was found is
};

}  // namespace viridian::segment
