#include "segment/filter_run.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "viridian/spi/plan_trace.h"

namespace viridian::segment {
namespace {

/// Nanoseconds of work that are worth waking other threads for.
constexpr double kWorthSharing = 200'000;
/// Tasks that are planned together: enough to share among threads.
constexpr size_t kMostAtOnce = 64;
/// Operands in the plans that are made together, at most: each takes up to 200 bytes of a plan.
constexpr size_t kMostPlanned = size_t{1} << 18;
/// Conditions that are asked between two looks at the deadline. A regular expression may take long.
constexpr size_t kCheckedConditions = 1024;

/// How often a filter looks at its deadline while it looks at rows.
class Checks {
 public:
  Checks(const Context& context, const FilterSize& size)
      : context_(context),
        rows_(size.patterns != 0 ? 1 : 1 + kCheckedConditions / (size.conditions + 1)) {}

  Status row() {
    if (++looked_at_ % rows_ != 0) return ok_status();
    return context_.check();
  }

 private:
  const Context& context_;
  const size_t rows_;
  size_t looked_at_ = 0;
};

}  // namespace

Status FilterRun::add(const std::vector<PinnedMetadata>& parts, Offset from) {
  for (const PinnedMetadata& pinned : parts) {
    uint32_t indexed = 0;
    const auto blocks = pinned.part->blocks();
    for (const RowBlock& block : *blocks) {
      if (block.first_row >= pinned.limit) break;
      indexed = block.end();
      VIRIDIAN_TRY_VOID(
          add({&pinned, block.first_row, std::min(indexed, pinned.limit)}, &block, from));
    }
    for (const RowSpan& rows : spans_from(pinned, indexed))
      VIRIDIAN_TRY_VOID(add(rows, nullptr, from));
  }
  std::stable_sort(tasks_.begin(), tasks_.end(),
                   [](const Task& a, const Task& b) { return a.least < b.least; });
  return ok_status();
}

Status FilterRun::add(const RowSpan& rows, const RowBlock* block, Offset from) {
  Task task;
  task.rows = rows;
  VIRIDIAN_TRY(std::tie(task.least, task.greatest),
               rows.pinned->part->rows().offsets_between(rows.begin, rows.end));
  if (task.greatest < from) return ok_status();
  if (block != nullptr) task.block = *block;
  tasks_.push_back(std::move(task));
  return ok_status();
}

Result<OffsetSet> FilterRun::first(Offset from, uint64_t count) {
  OffsetSet found;
  const bool all = count == std::numeric_limits<uint64_t>::max();
  const size_t most = std::clamp<size_t>(
      kMostPlanned / std::max<size_t>(filter_.size().operands, 1), 1, kMostAtOnce);
  size_t group = all ? most : 1;
  for (size_t begin = 0; begin < tasks_.size(); group = std::min(2 * group, most)) {
    // What is still to be searched has no smaller offset than this.
    const Offset next = tasks_[begin].least;
    if (next > from && found.count(from, next - 1) >= count) break;
    const size_t tasks = std::min(group, tasks_.size() - begin);
    VIRIDIAN_TRY_VOID(run(std::span(tasks_).subspan(begin, tasks), found));
    begin += tasks;
  }
  if (trace_ != nullptr) trace_->finish(*context_.trace(), found.size(), tasks_.size());
  return found;
}

Result<Candidates> FilterRun::candidates() {
  decide_ = false;
  VIRIDIAN_TRY(OffsetSet found, first(0, std::numeric_limits<uint64_t>::max()));
  return Candidates{std::move(found), !doubtful_};
}

Result<std::vector<FilterRun::Planned>> FilterRun::plan(std::span<const Task> tasks) {
  std::vector<Planned> plans;
  for (const Task& task : tasks) {
    VIRIDIAN_TRY_VOID(context_.check());
    Planned planned;
    planned.task = &task;
    if (trace_ != nullptr) planned.work = trace_->begin_block();
    if (!task.block.columns) {
      planned.cost = (task.rows.end - task.rows.begin) * BlockPlan::kRowCost;
    } else {
      VIRIDIAN_TRY(BlockIndex index, BlockIndex::open(task.block));
      planned.index = std::make_unique<const BlockIndex>(std::move(index));
      VIRIDIAN_TRY(planned.plan, BlockPlan::make(filter_.root(), *planned.index));
      if (planned.work != nullptr) planned.plan->expect(*planned.work);
      if (planned.plan->at_most() == 0) {
        if (planned.work != nullptr) trace_->add(*planned.work);
        continue;
      }
      planned.cost = planned.plan->cost();
    }
    plans.push_back(std::move(planned));
  }
  return plans;
}

Status FilterRun::run(std::span<const Task> tasks, OffsetSet& found) {
  VIRIDIAN_TRY(const std::vector<Planned> plans, plan(tasks));
  double cost = 0;
  for (const Planned& planned : plans) cost += planned.cost;
  std::vector<postings::RowSet> selected(plans.size());
  std::vector<Status> outcomes(plans.size());
  // One byte for each, since threads write them side by side.
  const auto doubts = std::make_unique<bool[]>(plans.size());
  const auto one = [&](size_t i) {
    Result<postings::RowSet> rows = select(plans[i], decide_ ? nullptr : &doubts[i]);
    if (rows.ok())
      selected[i] = *std::move(rows);
    else
      outcomes[i] = rows.error();
  };
  if (plans.size() > 1 && cost > kWorthSharing)
    executor_.parallel_for(plans.size(), one);
  else
    for (size_t i = 0; i < plans.size(); ++i) one(i);
  for (size_t i = 0; i < plans.size(); ++i) {
    VIRIDIAN_TRY_VOID(outcomes[i]);
    doubtful_ = doubtful_ || doubts[i];
    if (plans[i].work != nullptr) trace_->add(*plans[i].work);
    VIRIDIAN_TRY_VOID(add_visible(plans[i].task->rows, std::move(selected[i]), found));
  }
  return ok_status();
}

Status FilterRun::add_visible(const RowSpan& rows, postings::RowSet selected, OffsetSet& found) {
  const auto add = [&] {
    return rows.pinned->part->rows().add_visible(rows.begin, std::move(selected),
                                                 rows.pinned->limit, at_, found);
  };
  if (trace_ == nullptr) return add();
  const Stopwatch took;
  const uint64_t count = selected.size(), before = found.size();
  VIRIDIAN_TRY_VOID(add());
  trace_->add_visible(count, found.size() - before, took.nanoseconds());
  return ok_status();
}

Result<postings::RowSet> FilterRun::select(const Planned& planned, bool* doubtful) const {
  VIRIDIAN_TRY_VOID(context_.check());
  const RowSpan& rows = planned.task->rows;
  if (!planned.plan) return look_at(rows, planned.work.get());
  Checks checks(context_, filter_.size());
  const auto reader = rows.pinned->part->reader();
  const auto row = [&](postings::Row i, RowPart part) -> Result<RowView> {
    VIRIDIAN_TRY_VOID(checks.row());
    return reader->read(rows.begin + i, part);
  };
  return planned.plan->run(row, planned.work.get(), doubtful);
}

Result<postings::RowSet> FilterRun::look_at(const RowSpan& rows, BlockWork* work) const {
  const Stopwatch took;
  std::vector<VisibleRow> visible;
  const MetadataPart& part = *rows.pinned->part;
  VIRIDIAN_TRY_VOID(part.rows().visible(rows.begin, rows.end, at_, visible));
  std::vector<postings::Row> selected;
  const auto reader = part.reader();
  const RowPart needed = filter_.root().needs;
  Checks checks(context_, filter_.size());
  for (const VisibleRow& each : visible) {
    VIRIDIAN_TRY_VOID(checks.row());
    VIRIDIAN_TRY(const RowView row, reader->read(each.row, needed));
    if (filter_.matches(row)) selected.push_back(static_cast<postings::Row>(each.row - rows.begin));
  }
  if (work != nullptr) {
    ConditionWork& whole = work->unindexed;
    whole.among = whole.looked_at = visible.size();
    whole.cost = (rows.end - rows.begin) * BlockPlan::kRowCost;
    whole.found = selected.size();
    whole.nanoseconds = took.nanoseconds();
    ++whole.blocks[static_cast<size_t>(ConditionWork::Way::rows)];
  }
  return postings::RowSet::of(std::move(selected));
}

}  // namespace viridian::segment
