#include "codec/api_plan.h"

#include <optional>
#include <utility>

#include "codec/fields.h"

namespace viridian::codec {
namespace {

void write_text(json::Writer& out, std::string_view name, const std::string& text) {
  if (text.empty()) return;
  out.key(name);
  out.string(text);
}

void write_count(json::Writer& out, std::string_view name, const std::optional<uint64_t>& count) {
  if (!count) return;
  out.key(name);
  out.unsigned_integer(*count);
}

void write_number(json::Writer& out, std::string_view name, const std::optional<double>& number) {
  if (!number) return;
  out.key(name);
  out.floating(*number);
}

Result<std::string> read_text(const Fields& fields, std::string_view name) {
  if (fields.present(name) == nullptr) return std::string();
  return fields.text(name);
}

Result<PlanStep> step_of(const json::Value& value, std::string path) {
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, std::move(path),
                          {"name", "on", "how", "among", "estimated", "actual", "looked_at",
                           "share", "breadth", "cost", "microseconds", "steps"}));
  PlanStep step;
  VIRIDIAN_TRY(step.name, fields.text("name"));
  VIRIDIAN_TRY(step.on, read_text(fields, "on"));
  VIRIDIAN_TRY(step.how, read_text(fields, "how"));
  VIRIDIAN_TRY(step.among, fields.optional_count("among"));
  VIRIDIAN_TRY(step.estimated, fields.optional_count("estimated"));
  VIRIDIAN_TRY(step.actual, fields.optional_count("actual"));
  VIRIDIAN_TRY(step.looked_at, fields.optional_count("looked_at"));
  VIRIDIAN_TRY(step.share, fields.optional_number("share"));
  VIRIDIAN_TRY(step.breadth, fields.optional_count("breadth"));
  VIRIDIAN_TRY(step.cost, fields.optional_number("cost"));
  VIRIDIAN_TRY(step.microseconds, fields.count("microseconds"));
  if (const json::Value* steps = fields.present("steps")) {
    VIRIDIAN_TRY(step.steps, plan_of(*steps, fields.path_of("steps")));
  }
  return step;
}

void write_step(json::Writer& out, const PlanStep& step) {
  out.begin_object();
  write_text(out, "name", step.name);
  write_text(out, "on", step.on);
  write_text(out, "how", step.how);
  write_count(out, "among", step.among);
  write_count(out, "estimated", step.estimated);
  write_count(out, "actual", step.actual);
  write_count(out, "looked_at", step.looked_at);
  write_number(out, "share", step.share);
  write_count(out, "breadth", step.breadth);
  write_number(out, "cost", step.cost);
  write_count(out, "microseconds", step.microseconds);
  if (!step.steps.empty()) {
    out.key("steps");
    write(out, step.steps);
  }
  out.end_object();
}

}  // namespace

void write(json::Writer& out, const std::vector<PlanStep>& steps) {
  out.begin_array();
  for (const PlanStep& step : steps) write_step(out, step);
  out.end_array();
}

Result<std::vector<PlanStep>> plan_of(const json::Value& value, const std::string& path) {
  VIRIDIAN_TRY(const json::Array* elements, as_array(value, path));
  std::vector<PlanStep> steps;
  for (const json::Value& element : *elements) {
    VIRIDIAN_TRY(PlanStep step, step_of(element, element_path(path, steps.size())));
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace viridian::codec
