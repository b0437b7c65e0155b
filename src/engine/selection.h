#pragma once
#include <cstdint>
#include <limits>
#include <string_view>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/offset_set.h"
#include "viridian/model/requests.h"
#include "viridian/spi/segments.h"

namespace viridian::engine {

/// More than any number of records: OffsetSet::slice without a limit.
inline constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

/// invalid_argument where no metadata can have the key. `field`: of the request, where it stands.
Status check_key(std::string_view field, std::string_view key);
/// Whether the selection leaves some records out.
bool restricts(const Selection& selection);
/// invalid_argument where a filter needs an index that the collection's schema switches off, or
/// holds a pattern that does not compile.
Status check_selection(const Collection& collection, const Selection& selection);
/// The live records that satisfy all of the selection.
Result<OffsetSet> select(const Context& context, const ReadView& view, const Selection& selection);
/// The filters of a selection that has some, joined.
Where condition_of(const Selection& selection);
/// The same, but where it takes many looks at documents perhaps some more: not if these are no more
/// than `few`. Those that satisfy condition_of(selection) are meant then.
Result<Candidates> select_candidates(const Context& context, const ReadView& view,
                                     const Selection& selection, uint64_t few);
/// Of these at least the first `count` from offset `from` on.
Result<OffsetSet> select_page(const Context& context, const ReadView& view,
                              const Selection& selection, Offset from, uint64_t count);

}  // namespace viridian::engine
