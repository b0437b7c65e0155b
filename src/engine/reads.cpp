#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/api.h"
#include "engine/attempts.h"
#include "engine/messages.h"
#include "engine/pages.h"
#include "engine/plan_recorder.h"
#include "engine/selection.h"
#include "model/schema_rules.h"

namespace viridian::engine {
namespace {

/// Hits that one query call may give over all its vectors: about 1 GiB of numbers.
constexpr uint64_t kHitsMax = uint64_t{1} << 26;

bool includes(const std::vector<Include>& include, Include what) {
  return std::find(include.begin(), include.end(), what) != include.end();
}

Columns columns_of(const std::vector<Include>& include) {
  return {includes(include, Include::documents), includes(include, Include::uris),
          includes(include, Include::metadatas)};
}

/// Appends the rows of these records, with the included columns only.
Status fetch(const Context& context, const ReadView& view, std::span<const Offset> offsets,
             const std::vector<Include>& include, RecordColumns& out) {
  PlanStage stage(context, "fetch");
  VIRIDIAN_TRY_VOID(view.metadata().fetch(stage.context(), offsets, columns_of(include), out));
  if (includes(include, Include::embeddings))
    VIRIDIAN_TRY_VOID(view.vectors().fetch(stage.context(), offsets, out.embeddings));
  stage.done(offsets.size(), offsets.size());
  return ok_status();
}

Status check_query(const QueryRequest& request) {
  const Matrix& vectors = request.vectors;
  if (vectors.values.size() != uint64_t{request.n_queries} * vectors.dim) {
    return Error(Code::invalid_argument, "Inconsistent dimensions in provided embeddings");
  }
  const auto finite = [](float x) { return std::isfinite(x); };
  if (!std::all_of(vectors.values.begin(), vectors.values.end(), finite)) {
    return Error(Code::invalid_argument,
                 "Validation error: query_embeddings: Embeddings must not contain NaN or Infinity "
                 "values");
  }
  const double recall = request.recall_target.value_or(1);
  if (recall > 0 && recall <= 1) return ok_status();
  return Error(
      Code::invalid_argument,
      fmt::format("Validation error: recall_target: {} is no share of the nearest records: "
                  "it must be above 0 and at most 1",
                  recall));
}

/// What the collection's ef_search asks of walks; 0: nothing.
uint32_t least_breadth(const Collection& collection) {
  constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
  const uint64_t asked = chosen_hnsw(collection.schema).ef_search.value_or(0);
  return static_cast<uint32_t>(std::min(asked, kMost));
}

/// The answer in which no query has a hit.
QueryResult no_hits(const QueryRequest& request) {
  QueryResult result;
  result.records.resize(request.n_queries);
  if (includes(request.include, Include::distances)) result.distances.resize(request.n_queries);
  result.include = request.include;
  return result;
}

/// How many of the nearest candidates are asked whether they satisfy a condition, so that k do.
uint64_t nearest_to_ask(uint64_t k) { return 2 * k + 16; }

/// Candidates of which all are asked rather than the nearest: not many more than those.
uint64_t few_candidates(const QueryRequest& request) {
  constexpr uint64_t kTimes = 8;
  return kTimes * request.n_queries * nearest_to_ask(request.n_results);
}

using Hits = std::vector<std::vector<Neighbour>>;

Result<Hits> find_nearest(const Context& context, const ReadView& view, const VectorQuery& query) {
  PlanStage stage(context, "search");
  VIRIDIAN_TRY(Hits hits, view.vectors().search(stage.context(), query));
  uint64_t found = 0;
  for (const auto& of_one : hits) found += of_one.size();
  stage.done(found, uint64_t{query.k} * hits.size());
  return hits;
}

/// Leaves of the hits those that satisfy the condition.
Status leave_satisfying(const Context& context, const ReadView& view, const Where& condition,
                        Hits& hits) {
  PlanStage stage(context, "verify");
  std::vector<Offset> offsets;
  for (const auto& of_one : hits)
    for (const Neighbour& hit : of_one) offsets.push_back(hit.offset);
  std::ranges::sort(offsets);
  offsets.erase(std::unique(offsets.begin(), offsets.end()), offsets.end());
  VIRIDIAN_TRY(const OffsetSet found,
               view.metadata().satisfying(stage.context(), condition, offsets));
  for (auto& of_one : hits)
    std::erase_if(of_one, [&](const Neighbour& hit) { return !found.contains(hit.offset); });
  stage.done(found.size(), offsets.size());
  return ok_status();
}

/// Fills the answer's row of one query from its hits.
Status put_hits(const Context& context, const ReadView& view, const QueryRequest& request,
                const std::vector<Neighbour>& hits, size_t query, QueryResult& result) {
  std::vector<Offset> offsets;
  offsets.reserve(hits.size());
  for (const Neighbour& hit : hits) offsets.push_back(hit.offset);
  VIRIDIAN_TRY_VOID(fetch(context, view, offsets, request.include, result.records[query]));
  if (result.distances.empty()) return ok_status();
  result.distances[query].reserve(hits.size());
  for (const Neighbour& hit : hits) result.distances[query].push_back(hit.distance);
  return ok_status();
}

}  // namespace

Result<std::shared_ptr<const ReadView>> Api::pin_durable(const Context& context,
                                                         const CollectionId& id) {
  VIRIDIAN_TRY(const SeqId durable, parts_.consumer.last(context, id));
  return parts_.segments.pin(context, id, durable);
}

Result<Api::Pinned> Api::open(const Context& asked, const CollectionRef& ref, ReadLevel level) {
  PlanStage stage(asked, "open");
  const Context context = reading(stage.context());
  // The pass is given back on return: a view outlives whatever happens to its collection.
  VIRIDIAN_TRY(const auto pass, gates_.enter(context, ref.id, Access::read));
  VIRIDIAN_TRY(Collection collection, find(context, ref));
  SeqId wanted = context.freshness()->at_least;
  if (level != ReadLevel::index_only && context.age() != Context::kAnyAge) {
    VIRIDIAN_TRY(const SeqId durable, parts_.consumer.last(context, ref.id));
    wanted = std::max(wanted, durable);
  }
  VIRIDIAN_TRY(auto view, reword(parts_.segments.pin(context, ref.id, wanted), Code::not_found,
                                 [&] { return collection_missing_by_id(ref.id); }));
  if (!collection.dimension && view->applied() != 0 && context.age().count() != 0) {
    // The row is from before the first record, the view is not.
    VIRIDIAN_TRY(collection, find(deciding(context), ref));
  }
  stage.done(view->metadata().count());
  return Pinned{std::move(collection), std::move(view)};
}

Result<uint64_t> Api::count(const Context& context, const CollectionRef& ref, ReadLevel level) {
  VIRIDIAN_TRY(const Pinned pinned, open(context, ref, level));
  return pinned.view->metadata().count();
}

Result<GetResult> Api::get(const Context& context, const CollectionRef& ref,
                           const GetRequest& request) {
  VIRIDIAN_TRY_VOID(check_order(request.order_by));
  VIRIDIAN_TRY(const Pinned pinned, open(context, ref, ReadLevel::index_and_wal));
  VIRIDIAN_TRY_VOID(check_selection(pinned.collection, request.selection));
  VIRIDIAN_TRY(RecordPage page, find_page(context, *pinned.view, request));
  GetResult result;
  result.include = request.include;
  result.next_cursor = std::move(page.next_cursor);
  VIRIDIAN_TRY_VOID(fetch(context, *pinned.view, page.offsets, request.include, result.records));
  return result;
}

Result<Api::Search> Api::prepare(const Context& context, const CollectionRef& ref,
                                 const QueryRequest& request, Filtering filtering) {
  VIRIDIAN_TRY_VOID(check_query(request));
  VIRIDIAN_TRY(Pinned pinned, open(context, ref, ReadLevel::index_and_wal));
  VIRIDIAN_TRY_VOID(check_selection(pinned.collection, request.selection));
  Search search{std::move(pinned.view), nullptr, {&request.vectors}, {}};
  const auto dimension = pinned.collection.dimension;
  if (!dimension || request.n_queries == 0) return search;
  if (*dimension != request.vectors.dim) return wrong_dimension(*dimension, request.vectors.dim);

  uint64_t available = search.view->metadata().count();
  VectorQuery& query = search.query;
  if (restricts(request.selection)) {
    const uint64_t few = filtering == Filtering::as_needed ? few_candidates(request) : kNoLimit;
    VIRIDIAN_TRY(Candidates allowed,
                 select_candidates(context, *search.view, request.selection, few));
    available = allowed.offsets.size();
    search.allowed = std::make_unique<const OffsetSet>(std::move(allowed.offsets));
    query.allowed = search.allowed.get();
    if (!allowed.exact) search.condition = condition_of(request.selection);
  }
  query.k = static_cast<uint32_t>(std::min<uint64_t>(request.n_results, available));
  query.recall = request.recall_target.value_or(options_.recall);
  query.breadth = least_breadth(pinned.collection);
  if (uint64_t{query.k} * request.n_queries <= kHitsMax) return search;
  return Error(Code::invalid_argument,
               fmt::format("{} query vectors with {} results each are more than {} results: ask "
                           "for fewer, or in several calls",
                           request.n_queries, query.k, kHitsMax));
}

Result<QueryResult> Api::query(const Context& context, const CollectionRef& ref,
                               const QueryRequest& request) {
  VIRIDIAN_TRY(Search search, prepare(context, ref, request, Filtering::as_needed));
  VIRIDIAN_TRY(const auto hits, find_hits(context, search));
  return fetch_hits(context, search, request, hits);
}

Result<Api::Hits> Api::find_hits(const Context& context, Search& search) {
  if (search.query.k == 0) return Hits();
  if (!search.condition) return find_nearest(context, *search.view, search.query);
  VectorQuery query = search.query;
  query.k = static_cast<uint32_t>(std::min(nearest_to_ask(query.k), search.allowed->size()));
  VIRIDIAN_TRY(Hits hits, find_nearest(context, *search.view, query));
  VIRIDIAN_TRY_VOID(leave_satisfying(context, *search.view, *search.condition, hits));
  const bool all_asked = query.k == search.allowed->size();
  const bool enough = std::ranges::all_of(
      hits, [&](const auto& of_one) { return of_one.size() >= search.query.k; });
  if (enough || all_asked) {
    for (auto& of_one : hits) of_one.resize(std::min<size_t>(of_one.size(), search.query.k));
    return hits;
  }
  // Few of the candidates are what is searched for, so all are asked.
  VIRIDIAN_TRY(OffsetSet satisfying, search.view->metadata().filter(context, *search.condition));
  satisfying.intersect(*search.allowed);
  search.query.k = static_cast<uint32_t>(std::min<uint64_t>(search.query.k, satisfying.size()));
  search.allowed = std::make_unique<const OffsetSet>(std::move(satisfying));
  search.query.allowed = search.allowed.get();
  search.condition.reset();
  return find_hits(context, search);
}

Result<QueryResult> Api::fetch_hits(const Context& context, const Search& search,
                                    const QueryRequest& request, const Hits& hits) {
  QueryResult result = no_hits(request);
  for (size_t query = 0; query < hits.size(); ++query) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(put_hits(context, *search.view, request, hits[query], query, result));
  }
  return result;
}

}  // namespace viridian::engine
