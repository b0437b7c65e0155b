#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "viridian/base/result.h"
#include "viridian/model/plan.h"

/// The steps of a plan in a body. What is unset or empty is left out.
namespace viridian::codec {

void write(json::Writer& out, const std::vector<PlanStep>& steps);
/// `path` says where they stand.
Result<std::vector<PlanStep>> plan_of(const json::Value& value, const std::string& path);

}  // namespace viridian::codec
