#include <fmt/format.h>

#include "codec/api_json.h"
#include "viridian/commands.h"
#include "viridian/output.h"
#include "viridian/query.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

std::string outcome_of(const Explanation& explanation) {
  using Outcome = Explanation::Outcome;
  const float distance = explanation.distance.value_or(0);
  const float last = explanation.last_distance.value_or(0);
  const uint64_t rank = explanation.rank.value_or(0);
  switch (explanation.outcome) {
    case Outcome::no_such_record:
      return "no such record";
    case Outcome::filtered_out:
      return fmt::format("left out by the filter; its distance is {:.5f}", distance);
    case Outcome::returned:
      return fmt::format("returned: number {} of {}, at distance {:.5f} (the last: {:.5f})", rank,
                         explanation.results, distance, last);
    case Outcome::outranked:
      return fmt::format("outranked: its distance is {:.5f}, that of the last of {} results {:.5f}",
                         distance, explanation.results, last);
    case Outcome::not_reached:
      return fmt::format(
          "not reached: its distance is {:.5f}, that of the last of {} results {:.5f}; an exact "
          "search (--recall 1) has it as number {}",
          distance, explanation.results, last, rank);
  }
  return "";
}

std::string way_of(const Searched& searched) {
  switch (searched.how) {
    case Searched::How::read:
      return "where it lies, every vector is read";
    case Searched::How::walked:
      return fmt::format("where it lies, an index is walked with breadth {}", searched.breadth);
    case Searched::How::scanned:
      return "where it lies, the codes of all records that the filter lets through are compared, "
             "then the vectors of the best";
  }
  return "";
}

}  // namespace

int run(const ExplainArguments& arguments) {
  const QueryArguments& query = arguments.query;
  const Opened opened = open_target(query.target, IfMissing::fail);
  if (!opened.client) return opened.exit;
  const Result<CollectionHandle> collection = opened.client->get_collection(query.collection);
  if (!collection.ok()) return fail(collection.error());
  const Result<std::vector<float>> vector = query_vector(*collection, query);
  if (!vector.ok()) return fail(vector.error());
  const Result<Explanation> explanation =
      collection->explain(arguments.id, *vector, query_options(query));
  if (!explanation.ok()) return fail(explanation.error());
  if (query.target.json) {
    fmt::print("{}\n", codec::write_explanation(*explanation));
    return kOk;
  }
  fmt::print("{}\n", outcome_of(*explanation));
  if (explanation->searched) fmt::print("{}\n", way_of(*explanation->searched));
  return kOk;
}

}  // namespace viridian::cli
