#include <algorithm>
#include <limits>
#include <utility>

#include "engine/api.h"
#include "engine/plan_recorder.h"

namespace viridian::engine {
namespace {

Status check(const ExplainRequest& request) {
  if (request.query.n_queries != 1) {
    return Error(Code::invalid_argument, "One query vector is explained at a time");
  }
  if (request.query.n_results != 0) return ok_status();
  return Error(Code::invalid_argument,
               "Validation error: n_results: among 0 results there is no record: ask for more");
}

Result<OffsetSet> with_id(const Context& context, const ReadView& view, const std::string& id) {
  StringColumn ids;
  ids.push_back(id);
  return view.metadata().find(context, ids);
}

/// The answer to one vector.
Result<std::vector<Neighbour>> search(const Context& context, const VectorReader& vectors,
                                      const VectorQuery& query) {
  VIRIDIAN_TRY(auto found, vectors.search(context, query));
  return std::move(found.front());
}

/// Its place in a list, from 1 on.
std::optional<uint64_t> rank_of(Offset offset, const std::vector<Neighbour>& list) {
  const auto at = std::find_if(list.begin(), list.end(), [offset](const Neighbour& neighbour) {
    return neighbour.offset == offset;
  });
  if (at == list.end()) return std::nullopt;
  return static_cast<uint64_t>(at - list.begin()) + 1;
}

/// Its place among all records by their distance.
Result<std::optional<uint64_t>> exact_rank(const Context& context, const ReadView& view,
                                           VectorQuery query, Offset offset) {
  const uint64_t all = query.allowed == nullptr ? view.metadata().count() : query.allowed->size();
  query.recall = 1;
  std::optional<uint64_t> rank;
  uint64_t k = query.k;
  // What is nearer than the last of some results is seldom farther down than twice as many.
  do {
    k = std::min({2 * k, all, uint64_t{std::numeric_limits<uint32_t>::max()}});
    query.k = static_cast<uint32_t>(k);
    VIRIDIAN_TRY(const auto nearest, search(context, view.vectors(), query));
    rank = rank_of(offset, nearest);
  } while (!rank && k < all);
  return rank;
}

}  // namespace

Result<Explanation> Api::explain(const Context& context, const CollectionRef& ref,
                                 const ExplainRequest& request) {
  if (request.get) return explain_get(context, ref, request);
  VIRIDIAN_TRY_VOID(check(request));
  const auto recorder = std::make_shared<PlanRecorder>();
  const Context traced = context.with_trace(recorder);
  // Whether a record was filtered out is asked of what is allowed.
  const Filtering filtering = request.id ? Filtering::complete : Filtering::as_needed;
  VIRIDIAN_TRY(Search asked, prepare(traced, ref, request.query, filtering));
  VIRIDIAN_TRY(const Hits hits, find_hits(traced, asked));
  VIRIDIAN_TRY([[maybe_unused]] const QueryResult fetched,
               fetch_hits(traced, asked, request.query, hits));
  Explanation explanation;
  explanation.plan = recorder->take();
  const std::vector<Neighbour> none;
  const std::vector<Neighbour>& results = hits.empty() ? none : hits.front();
  if (request.id) {
    VIRIDIAN_TRY_VOID(explain_record(context, request, asked, results, explanation));
    if (explanation.outcome == Explanation::Outcome::no_such_record) return explanation;
  }
  explanation.results = results.size();
  if (!results.empty()) explanation.last_distance = results.back().distance;
  return explanation;
}

Result<Explanation> Api::explain_get(const Context& context, const CollectionRef& ref,
                                     const ExplainRequest& request) {
  if (request.id) {
    return Error(Code::invalid_argument,
                 "Validation error: id: a record is explained among the results of a query, and "
                 "there is no query vector");
  }
  const auto recorder = std::make_shared<PlanRecorder>();
  VIRIDIAN_TRY(const GetResult found, get(context.with_trace(recorder), ref, *request.get));
  Explanation explanation;
  explanation.plan = recorder->take();
  explanation.results = found.records.ids.size();
  return explanation;
}

Status Api::explain_record(const Context& context, const ExplainRequest& request,
                           const Search& asked, const std::vector<Neighbour>& results,
                           Explanation& explanation) {
  const ReadView& view = *asked.view;
  explanation.outcome = Explanation::Outcome::no_such_record;
  VIRIDIAN_TRY(const OffsetSet named, with_id(context, view, *request.id));
  if (named.empty()) return ok_status();
  const Offset offset = named.slice(0, 1).front();
  VIRIDIAN_TRY(const auto itself,
               search(context, view.vectors(), {&request.query.vectors, 1, &named, 1}));
  if (itself.empty()) {
    return Error(Code::internal, "the vector of the record \"" + *request.id + "\" is missing");
  }
  explanation.distance = itself.front().distance;
  explanation.outcome = Explanation::Outcome::filtered_out;
  if (asked.allowed && !asked.allowed->contains(offset)) return ok_status();

  VIRIDIAN_TRY(explanation.searched, view.vectors().way_to(context, asked.query, offset));
  explanation.rank = rank_of(offset, results);
  const auto before = [](const Neighbour& a, const Neighbour& b) {
    return std::pair(a.distance, a.offset) < std::pair(b.distance, b.offset);
  };
  if (explanation.rank) {
    explanation.outcome = Explanation::Outcome::returned;
  } else if (results.size() == asked.query.k && before(results.back(), itself.front())) {
    explanation.outcome = Explanation::Outcome::outranked;
  } else {
    explanation.outcome = Explanation::Outcome::not_reached;
    VIRIDIAN_TRY(explanation.rank, exact_rank(context, view, asked.query, offset));
  }
  return ok_status();
}

}  // namespace viridian::engine
