#include "segment/filter_run.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace viridian::segment {
namespace {

/// Nanoseconds of work that are worth waking other threads for.
constexpr double kWorthSharing = 200'000;
/// Of looking at a row.
constexpr double kRowCost = 150;
/// Rows between two looks at the deadline: a pattern may take long on each.
constexpr uint32_t kCheckedRows = 256;

}  // namespace

Status FilterRun::plan(const std::vector<PinnedMetadata>& parts, Offset from) {
  for (const PinnedMetadata& pinned : parts) {
    uint32_t indexed = 0;
    const auto blocks = pinned.part->blocks();
    for (const RowBlock& block : *blocks) {
      if (block.first_row >= pinned.limit) break;
      VIRIDIAN_TRY_VOID(context_.check());
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
  if (block == nullptr) {
    task.cost = (rows.end - rows.begin) * kRowCost;
  } else {
    VIRIDIAN_TRY(BlockIndex index, BlockIndex::open(*block));
    task.index = std::make_unique<const BlockIndex>(std::move(index));
    VIRIDIAN_TRY(task.plan, BlockPlan::make(filter_.root(), *task.index));
    if (task.plan->at_most() == 0) return ok_status();
    task.cost = task.plan->cost();
  }
  tasks_.push_back(std::move(task));
  return ok_status();
}

Result<OffsetSet> FilterRun::first(Offset from, uint64_t count) {
  OffsetSet found;
  const bool all = count == std::numeric_limits<uint64_t>::max();
  size_t group = all ? tasks_.size() : 1;
  for (size_t begin = 0; begin < tasks_.size(); group *= 2) {
    // What is still to be searched has no smaller offset than this.
    const Offset next = tasks_[begin].least;
    if (next > from && found.count(from, next - 1) >= count) break;
    size_t end = std::min(begin + group, tasks_.size());
    // Which of these comes first is not known.
    while (end < tasks_.size() && tasks_[end].least == next) ++end;
    VIRIDIAN_TRY_VOID(run(begin, end, found));
    begin = end;
  }
  return found;
}

Status FilterRun::run(size_t begin, size_t end, OffsetSet& found) const {
  const size_t tasks = end - begin;
  double cost = 0;
  for (size_t i = begin; i < end; ++i) cost += tasks_[i].cost;
  std::vector<OffsetSet> parts(tasks);
  std::vector<Status> outcomes(tasks);
  const auto one = [&](size_t i) { outcomes[i] = run(tasks_[begin + i], parts[i]); };
  if (tasks > 1 && cost > kWorthSharing)
    executor_.parallel_for(tasks, one);
  else
    for (size_t i = 0; i < tasks; ++i) one(i);
  for (size_t i = 0; i < tasks; ++i) {
    VIRIDIAN_TRY_VOID(outcomes[i]);
    found.unite(parts[i]);
  }
  return ok_status();
}

Status FilterRun::run(const Task& task, OffsetSet& found) const {
  VIRIDIAN_TRY_VOID(context_.check());
  if (!task.plan) return look_at(task.rows, found);
  const auto& [pinned, first, end] = task.rows;
  uint32_t looked_at = 0;
  const auto row = [&, part = pinned->part.get(),
                    first_row = first](postings::Row i) -> Result<RowView> {
    if (++looked_at % kCheckedRows == 0) VIRIDIAN_TRY_VOID(context_.check());
    return part->row(first_row + i);
  };
  VIRIDIAN_TRY(postings::RowSet selected, task.plan->run(row));
  return pinned->part->rows().add_visible(first, std::move(selected), pinned->limit, at_, found);
}

Status FilterRun::look_at(const RowSpan& rows, OffsetSet& found) const {
  std::vector<VisibleRow> visible;
  const MetadataPart& part = *rows.pinned->part;
  VIRIDIAN_TRY_VOID(part.rows().visible(rows.begin, rows.end, at_, visible));
  for (const VisibleRow& each : visible) {
    VIRIDIAN_TRY(const RowView row, part.row(each.row));
    if (filter_.matches(row)) found.insert(each.offset);
  }
  return ok_status();
}

}  // namespace viridian::segment
