#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "codec/fields.h"
#include "codec/json.h"
#include "viridian/base/result.h"
#include "viridian/model/requests.h"

/// What bodies of several requests have in common: which records they are about, and their order.
namespace viridian::codec {

/// `ids` of the body.
Result<Selection> read_selection(const Fields& fields);
/// The filters, after everything that concerns the body's shape.
Status read_filters(const Fields& fields, Selection& selection);
void write_selection(json::Writer& out, const Selection& selection);

/// The member, or nothing where it is absent or null.
Result<std::optional<uint32_t>> read_u32(const Fields& fields, std::string_view name);

/// The value of `order_by`: a key, or an array of keys and of {"key", "direction"}. `path` says
/// where it stands.
Result<std::vector<SortKey>> sort_keys_of(const json::Value& value, std::string_view path);
void write_sort_keys(json::Writer& out, const std::vector<SortKey>& keys);

}  // namespace viridian::codec
