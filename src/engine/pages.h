#pragma once
#include <optional>
#include <string>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/requests.h"
#include "viridian/spi/segments.h"

namespace viridian::engine {

/// Some records in the order that was asked for.
struct RecordPage {
  std::vector<Offset> offsets;
  std::optional<std::string> next_cursor;  ///< as in GetResult
};

/// invalid_argument: a key that orders nothing, or is there twice, or too many.
Status check_order(const std::vector<SortKey>& order_by);
/// The page of the selected records that the request is about, which has passed its other checks.
///   invalid_argument  its cursor is none, or it wants too many records ordered at once
Result<RecordPage> find_page(const Context&, const ReadView&, const GetRequest&);

}  // namespace viridian::engine
