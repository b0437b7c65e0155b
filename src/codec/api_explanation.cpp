#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/api_json.h"
#include "codec/api_plan.h"
#include "codec/fields.h"

namespace viridian::codec {
namespace {

using Outcome = Explanation::Outcome;

/// By their numbers.
constexpr std::array<std::string_view, 5> kOutcomes = {"returned", "no_such_record", "filtered_out",
                                                       "outranked", "not_reached"};
constexpr std::array<std::string_view, 3> kHow = {"read", "walked", "scanned"};

template <class Enum, size_t n>
std::string_view name_of(Enum value, const std::array<std::string_view, n>& names) {
  return names[static_cast<size_t>(value)];
}

template <class Enum, size_t n>
Result<Enum> named(const Fields& fields, std::string_view member,
                   const std::array<std::string_view, n>& names) {
  VIRIDIAN_TRY(const std::string name, fields.text(member));
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<Enum>(at - names.begin());
  return shape_error(
      fields.path_of(member),
      fmt::format("unknown variant `{}`, expected one of `{}`", name, fmt::join(names, "`, `")));
}

void write(json::Writer& out, std::string_view name, std::optional<uint64_t> number) {
  out.key(name);
  if (number)
    out.unsigned_integer(*number);
  else
    out.null();
}

void write(json::Writer& out, std::string_view name, std::optional<float> number) {
  out.key(name);
  if (number)
    out.floating(*number);
  else
    out.null();
}

Result<std::optional<float>> read_float(const Fields& fields, std::string_view name) {
  const json::Value* value = fields.present(name);
  if (value == nullptr) return std::optional<float>();
  VIRIDIAN_TRY(const double number, as_number(*value, name));
  return std::optional(static_cast<float>(number));
}

Result<Searched> searched_of(const json::Value& value) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "searched", {"how", "breadth"}));
  Searched searched;
  VIRIDIAN_TRY(searched.how, (named<Searched::How>(fields, "how", kHow)));
  VIRIDIAN_TRY(searched.breadth, fields.count("breadth"));
  return searched;
}

}  // namespace

std::string write_explanation(const Explanation& explanation) {
  json::Writer out;
  out.begin_object();
  out.key("outcome");
  if (explanation.outcome)
    out.string(name_of(*explanation.outcome, kOutcomes));
  else
    out.null();
  write(out, "rank", explanation.rank);
  write(out, "distance", explanation.distance);
  write(out, "results", std::optional(explanation.results));
  write(out, "last_distance", explanation.last_distance);
  out.key("searched");
  if (explanation.searched) {
    out.begin_object();
    out.key("how");
    out.string(name_of(explanation.searched->how, kHow));
    write(out, "breadth", std::optional(explanation.searched->breadth));
    out.end_object();
  } else {
    out.null();
  }
  out.key("plan");
  write(out, explanation.plan);
  out.end_object();
  return std::move(out).take();
}

Result<Explanation> read_explanation(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "",
                                               {"outcome", "rank", "distance", "results",
                                                "last_distance", "searched", "plan"}));
  Explanation explanation;
  if (fields.present("outcome") != nullptr) {
    VIRIDIAN_TRY(explanation.outcome, (named<Outcome>(fields, "outcome", kOutcomes)));
  }
  if (const json::Value* rank = fields.present("rank")) {
    VIRIDIAN_TRY(explanation.rank, as_unsigned(*rank, "rank"));
  }
  VIRIDIAN_TRY(explanation.distance, read_float(fields, "distance"));
  VIRIDIAN_TRY(explanation.results, fields.count("results"));
  VIRIDIAN_TRY(explanation.last_distance, read_float(fields, "last_distance"));
  if (const json::Value* searched = fields.present("searched")) {
    VIRIDIAN_TRY(explanation.searched, searched_of(*searched));
  }
  if (const json::Value* plan = fields.present("plan")) {
    VIRIDIAN_TRY(explanation.plan, plan_of(*plan, "plan"));
  }
  return explanation;
}

}  // namespace viridian::codec
