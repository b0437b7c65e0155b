#pragma once
#include <cstdint>
#include <span>

#include "base/executor.h"
#include "index/graph_index.h"

namespace viridian::index {

/// Asks for some rows' vectors, compares with what reading everything finds, and writes into the
/// header how broad walks have to be, and how much of what they find has to be looked at exactly,
/// to find what share of the nearest.
///   node_rows  per node its row
Status calibrate(const Context&, const GraphIndex& index, std::span<const uint32_t> node_rows,
                 const RowSource& rows, Executor&, IndexHeader& header);

}  // namespace viridian::index
