#include "segment/merge_plan.h"

#include <algorithm>
#include <queue>

namespace viridian::segment {
namespace {

/// Offsets read at once, between two looks at the deadline.
constexpr uint32_t kBlockRows = 8192;

}  // namespace

/// Merges the ascending offsets of the live rows of all sources.
struct MergePlan::Builder {
  struct Cursor {
    std::span<const Offset> block;
    uint32_t block_begin = 0;
    uint32_t row = 0;
  };
  struct Next {
    Offset offset;
    size_t source;
    bool operator>(const Next& other) const { return offset > other.offset; }
  };

  Status run() {
    cursors.resize(plan.sources_.size());
    for (size_t source = 0; source < cursors.size(); ++source) {
      plan.new_rows_.emplace_back(plan.sources_[source]->size(), kLeftOut);
      VIRIDIAN_TRY_VOID(push_next(source));
    }
    Offset least = 0;
    while (!next.empty()) {
      const auto [offset, source] = next.top();
      next.pop();
      Cursor& cursor = cursors[source];
      if (offset < least)
        return Error(Code::data_loss, "files to be merged have offset " + std::to_string(offset) +
                                          " twice, or out of order; run a check");
      if (plan.rows_ == kLeftOut)
        return Error(Code::failed_precondition, "a merged file would have too many rows");
      least = offset + 1;
      plan.new_rows_[source][cursor.row++] = plan.rows_++;
      VIRIDIAN_TRY_VOID(push_next(source));
    }
    return ok_status();
  }

  /// Goes to the source's next row to be taken over.
  Status push_next(size_t source) {
    const SealedRows& rows = *plan.sources_[source];
    Cursor& cursor = cursors[source];
    for (; cursor.row < rows.size(); ++cursor.row) {
      const SeqId end = rows.end(cursor.row);
      if (end <= sealed) continue;
      if (end != kNever) plan.ended_since_.push_back({source, cursor.row});
      if (cursor.row - cursor.block_begin >= cursor.block.size()) {
        const uint32_t count = std::min(kBlockRows, rows.size() - cursor.row);
        VIRIDIAN_TRY_VOID(context.check());
        VIRIDIAN_TRY_VOID(throttle.pass(context, count * sizeof(Offset)));
        VIRIDIAN_TRY(cursor.block, rows.offsets(cursor.row, count));
        cursor.block_begin = cursor.row;
      }
      next.push({cursor.block[cursor.row - cursor.block_begin], source});
      return ok_status();
    }
    return ok_status();
  }

  const Context& context;
  Throttle& throttle;
  MergePlan& plan;
  SeqId sealed;
  std::vector<Cursor> cursors = {};
  std::priority_queue<Next, std::vector<Next>, std::greater<>> next = {};
};

Result<MergePlan> MergePlan::make(const Context& context, Throttle& throttle,
                                  std::vector<const SealedRows*> sources, SeqId sealed) {
  MergePlan plan;
  plan.sources_ = std::move(sources);
  Builder builder{context, throttle, plan, sealed};
  VIRIDIAN_TRY_VOID(builder.run());
  return plan;
}

size_t MergePlan::source_of(uint32_t row, size_t likely, std::vector<uint32_t>& at) const {
  const auto has = [&](size_t source) {
    const std::vector<uint32_t>& new_rows = new_rows_[source];
    while (at[source] < new_rows.size() && new_rows[at[source]] == kLeftOut) ++at[source];
    return at[source] < new_rows.size() && new_rows[at[source]] == row;
  };
  while (!has(likely)) likely = (likely + 1) % sources_.size();
  return likely;
}

Result<std::vector<Offset>> merge_ended(const Context& context,
                                        std::span<const SealedFile* const> files,
                                        std::span<const SealedRows* const> older) {
  std::vector<Offset> ended;
  if (older.empty()) return ended;
  for (const SealedFile* file : files) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const std::span<const Offset> offsets, ended_offsets(*file));
    ended.insert(ended.end(), offsets.begin(), offsets.end());
  }
  std::sort(ended.begin(), ended.end());
  ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
  std::vector<bool> needed(ended.size());
  for (const SealedRows* rows : older) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(for_each_found(ended, *rows, [&](size_t i, uint32_t) {
      needed[i] = true;
      return ok_status();
    }));
  }
  size_t kept = 0;
  for (size_t i = 0; i < ended.size(); ++i)
    if (needed[i]) ended[kept++] = ended[i];
  ended.resize(kept);
  return ended;
}

}  // namespace viridian::segment
