#pragma once
#include <vector>

#include "viridian/spi/log.h"
#include "viridian/spi/segment_types.h"

namespace viridian::segment {

struct Materialised {
  std::vector<RowChange> changes;
  /// Records that can never be applied (a vector of the wrong length, a new record without one):
  /// left out, so that they do not stop those after them. Validation keeps them out of the log.
  uint64_t refused = 0;
};

/// Resolves the records of a batch, in order, against what `metadata` holds. `dim` is the length
/// of the collection's vectors, 0 where there are none yet.
Result<Materialised> materialise(const LogBatch& logged, MetadataSegment& metadata, uint32_t dim);

}  // namespace viridian::segment
