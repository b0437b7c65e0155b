#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/executor.h"
#include "index/graph_index.h"

namespace viridian::index {

/// Looks for every node by its own vector, with a walk of that breadth, and links those that are
/// not found to what was found in their place, in neighbours' spare slots. In Space::ip, where
/// others may be nearer to a vector than itself, it is found as well where only those are. Returns
/// the nodes that are still not found when all is done, ascending: the rest is proven to be.
///   node_rows  per node its row
///   links      those of the index itself
Result<std::vector<uint32_t>> make_reachable(const Context&, const GraphIndex& index,
                                             std::span<const uint32_t> node_rows,
                                             const RowSource& rows, size_t breadth,
                                             std::span<uint32_t> links, Executor&);

}  // namespace viridian::index
