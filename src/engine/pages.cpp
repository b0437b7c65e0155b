#include "engine/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/cursor.h"
#include "engine/plan_recorder.h"
#include "engine/selection.h"

namespace viridian::engine {
namespace {

constexpr uint32_t kMostLimit = std::numeric_limits<uint32_t>::max();

/// What follows the record, which is live.
Result<std::string> cursor_after(const Context& context, const ReadView& view,
                                 const std::vector<SortKey>& order_by, Offset last) {
  SortPosition position;
  position.offset = last;
  if (!order_by.empty()) {
    RecordColumns row;
    VIRIDIAN_TRY_VOID(view.metadata().fetch(context, std::span(&last, 1), {.metadata = true}, row));
    for (const SortKey& key : order_by) {
      const auto& metadata = row.metadatas.front();
      const MetadataValue* value = metadata ? metadata->find(key.key) : nullptr;
      position.values.push_back(value != nullptr ? *value : MetadataValue());
    }
  }
  return write_cursor(order_by, position);
}

/// `limit` records of the selected ones, from position request.offset after the place on.
Result<std::vector<Offset>> ordered(const Context& context, const ReadView& view,
                                    const GetRequest& request, const SortPosition* after,
                                    uint64_t limit) {
  if (request.order_by.empty()) {
    const Offset from = after != nullptr ? after->offset + 1 : 0;
    const uint64_t needed = limit == kNoLimit ? kNoLimit : request.offset + limit;
    VIRIDIAN_TRY(const OffsetSet selected,
                 select_page(context, view, request.selection, from, needed));
    PlanStage stage(context, "page");
    const uint64_t passed = after != nullptr ? selected.count(0, after->offset) : 0;
    std::vector<Offset> page = selected.slice(passed + request.offset, limit);
    stage.done(page.size());
    return page;
  }
  OrderQuery query;
  OffsetSet selected;
  uint64_t available = view.metadata().count();
  if (restricts(request.selection)) {
    VIRIDIAN_TRY(selected, select(context, view, request.selection));
    query.allowed = &selected;
    available = selected.size();
  }
  const uint64_t sorted =
      std::min(available, request.offset + uint64_t{request.limit.value_or(kMostLimit)});
  if (sorted > GetRequest::kMostSorted)
    return Error(
        Code::invalid_argument,
        fmt::format("Validation error: order_by: offset and limit are {} records together, "
                    "more than {}: ask for fewer at once, and go on by cursor",
                    sorted, GetRequest::kMostSorted));
  query.keys = request.order_by;
  query.after = after;
  query.skip = request.offset;
  query.limit = std::min(limit, available);
  PlanStage stage(context, "order");
  VIRIDIAN_TRY(auto page, view.metadata().order(stage.context(), query));
  stage.done(page.size());
  return page;
}

}  // namespace

Status check_order(const std::vector<SortKey>& order_by) {
  const auto refuse = [](std::string why) {
    return Error(Code::invalid_argument, "Validation error: order_by: " + std::move(why));
  };
  if (order_by.size() > GetRequest::kMostSortKeys)
    return refuse(
        fmt::format("{} keys are more than {}", order_by.size(), GetRequest::kMostSortKeys));
  for (size_t i = 0; i < order_by.size(); ++i) {
    const std::string& key = order_by[i].key;
    VIRIDIAN_TRY_VOID(check_key("order_by", key));
    for (size_t j = 0; j < i; ++j)
      if (order_by[j].key == key) return refuse(fmt::format("the key `{}` is there twice", key));
  }
  return ok_status();
}

Result<RecordPage> find_page(const Context& context, const ReadView& view,
                             const GetRequest& request) {
  std::optional<SortPosition> after;
  if (request.cursor && request.limit == 0U)
    return Error(Code::invalid_argument,
                 "Validation error: limit: a cursor goes on by at least one record");
  if (request.cursor && !request.cursor->empty()) {
    VIRIDIAN_TRY(after, read_cursor(request.order_by, *request.cursor));
  }
  const uint64_t limit = request.limit ? *request.limit : kNoLimit;
  // One more shows whether anything follows.
  const uint64_t looked_for = request.cursor && request.limit ? limit + 1 : limit;
  RecordPage page;
  VIRIDIAN_TRY(page.offsets,
               ordered(context, view, request, after ? &*after : nullptr, looked_for));
  if (!request.cursor) return page;
  page.next_cursor.emplace();
  if (page.offsets.size() <= limit) return page;
  page.offsets.pop_back();
  VIRIDIAN_TRY(page.next_cursor,
               cursor_after(context, view, request.order_by, page.offsets.back()));
  return page;
}

}  // namespace viridian::engine
