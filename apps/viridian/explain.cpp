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
  switch (*explanation.outcome) {
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

std::string text_of(const std::optional<uint64_t>& count) {
  return count ? with_commas(*count) : "";
}

std::string way_of(const PlanStep& step) {
  std::string text = step.how;
  const auto add = [&](const std::string& more) { text += (text.empty() ? "" : ", ") + more; };
  if (step.share) add(fmt::format("share {:.3f}", *step.share));
  if (step.breadth) add(fmt::format("breadth {}", *step.breadth));
  return text;
}

void add_steps(Table& table, const std::vector<PlanStep>& steps, size_t depth) {
  for (const PlanStep& step : steps) {
    table.add({std::string(2 * depth, ' ') + step.name, one_line(step.on), way_of(step),
               text_of(step.among), text_of(step.estimated), text_of(step.actual),
               text_of(step.looked_at), step.cost ? fmt::format("{:.0f}", *step.cost) : "",
               with_commas(step.microseconds)});
    add_steps(table, step.steps, depth + 1);
  }
}

void print_plan(const std::vector<PlanStep>& plan) {
  Table table(
      {"step", "on", "how", ">among", ">expected", ">found", ">looked at", ">cost us", ">took us"});
  add_steps(table, plan, 0);
  table.print();
}

Result<Explanation> explain(const CollectionHandle& collection, const ExplainArguments& arguments) {
  const QueryArguments& query = arguments.query;
  if (query.vector.empty() && query.like_id.empty()) {
    GetArguments get = arguments.get;
    get.filters = query.filters;
    return collection.explain_get(get_options(get));
  }
  VIRIDIAN_TRY(const std::vector<float> vector, query_vector(collection, query));
  QueryOptions options = query_options(query);
  if (!query.filters.ids.empty()) options.ids = query.filters.ids;
  return arguments.id.empty() ? collection.explain_query(vector, options)
                              : collection.explain(arguments.id, vector, options);
}

}  // namespace

int run(const ExplainArguments& arguments) {
  const QueryArguments& query = arguments.query;
  const Opened opened = open_target(query.target, IfMissing::fail);
  if (!opened.client) return opened.exit;
  const Result<CollectionHandle> collection = opened.client->get_collection(query.collection);
  if (!collection.ok()) return fail(collection.error());
  const Result<Explanation> explanation = explain(*collection, arguments);
  if (!explanation.ok()) return fail(explanation.error());
  if (query.target.json) {
    fmt::print("{}\n", codec::write_explanation(*explanation));
    return kOk;
  }
  if (explanation->outcome)
    fmt::print("{}\n", outcome_of(*explanation));
  else
    fmt::print("{} records\n", explanation->results);
  if (explanation->searched) fmt::print("{}\n", way_of(*explanation->searched));
  print_plan(explanation->plan);
  return kOk;
}

}  // namespace viridian::cli
