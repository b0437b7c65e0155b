#pragma once
#include <cstdint>

#include "viridian/base/uuid.h"

namespace viridian {

using CollectionId = Uuid;
using SegmentId = Uuid;

/// A record's number in its collection's log. Strictly growing within a collection, starting at 1;
/// 0 means "nothing yet". Some logs leave gaps, so a reader resumes with "after n".
using SeqId = uint64_t;

/// A live record's dense number inside its collection: given at insertion, kept by updates, never
/// reused. Ascending offsets are the collection's natural order.
using Offset = uint64_t;

}  // namespace viridian
