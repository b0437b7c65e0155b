#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/result.h"
#include "viridian/model/sorting.h"

namespace viridian::engine {

/// The cursor that goes on after a place in an order of records, as clients keep it: URL-safe
/// base64.
std::string write_cursor(const std::vector<SortKey>& order_by, const SortPosition& position);
/// The place it stands for.
///   invalid_argument  it is none, or of another order
Result<SortPosition> read_cursor(const std::vector<SortKey>& order_by, std::string_view cursor);

}  // namespace viridian::engine
