#pragma once
#include "index/graph_index.h"

namespace viridian::index {

/// Whether an index's parts are of the size that its header says, and name only rows and nodes that
/// are there: searches take that for granted. Reads all but the records' codes once.
///   data_loss            they are not
///   failed_precondition  of a newer format version
Status check(const IndexArrays& arrays);

}  // namespace viridian::index
