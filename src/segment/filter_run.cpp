#include "segment/filter_run.h"

#include <algorithm>
#include <limits>
#include <tuple>

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
  return found;
}

Result<std::vector<FilterRun::Planned>> FilterRun::plan(std::span<const Task> tasks) const {
  std::vector<Planned> plans;
  for (const Task& task : tasks) {
    VIRIDIAN_TRY_VOID(context_.check());
    Planned planned;
    planned.task = &task;
    if (!task.block.columns) {
      planned.cost = (task.rows.end - task.rows.begin) * BlockPlan::kRowCost;
    } else {
      VIRIDIAN_TRY(BlockIndex index, BlockIndex::open(task.block));
      planned.index = std::make_unique<const BlockIndex>(std::move(index));
      VIRIDIAN_TRY(planned.plan, BlockPlan::make(filter_.root(), *planned.index));
      if (planned.plan->at_most() == 0) continue;
      planned.cost = planned.plan->cost();
    }
    plans.push_back(std::move(planned));
  }
  return plans;
}

Status FilterRun::run(std::span<const Task> tasks, OffsetSet& found) const {
  VIRIDIAN_TRY(const std::vector<Planned> plans, plan(tasks));
  double cost = 0;
  for (const Planned& planned : plans) cost += planned.cost;
  std::vector<postings::RowSet> selected(plans.size());
  std::vector<Status> outcomes(plans.size());
  const auto one = [&](size_t i) {
    Result<postings::RowSet> rows = select(plans[i]);
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
    const RowSpan& rows = plans[i].task->rows;
    VIRIDIAN_TRY_VOID(rows.pinned->part->rows().add_visible(rows.begin, std::move(selected[i]),
                                                            rows.pinned->limit, at_, found));
  }
  return ok_status();
}

Result<postings::RowSet> FilterRun::select(const Planned& planned) const {
  VIRIDIAN_TRY_VOID(context_.check());
  const RowSpan& rows = planned.task->rows;
  if (!planned.plan) return look_at(rows);
  Checks checks(context_, filter_.size());
  const auto row = [&](postings::Row i) -> Result<RowView> {
    VIRIDIAN_TRY_VOID(checks.row());
    return rows.pinned->part->row(rows.begin + i);
  };
  return planned.plan->run(row);
}

Result<postings::RowSet> FilterRun::look_at(const RowSpan& rows) const {
  std::vector<VisibleRow> visible;
  const MetadataPart& part = *rows.pinned->part;
  VIRIDIAN_TRY_VOID(part.rows().visible(rows.begin, rows.end, at_, visible));
  std::vector<postings::Row> selected;
  Checks checks(context_, filter_.size());
  for (const VisibleRow& each : visible) {
    VIRIDIAN_TRY_VOID(checks.row());
    VIRIDIAN_TRY(const RowView row, part.row(each.row));
    if (filter_.matches(row)) selected.push_back(static_cast<postings::Row>(each.row - rows.begin));
  }
  return postings::RowSet::of(std::move(selected));
}

}  // namespace viridian::segment
