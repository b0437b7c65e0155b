#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/executor.h"
#include "index/leaf_edges.h"
#include "index/partition.h"
#include "index/row_codes.h"
#include "viridian/base/context.h"

namespace viridian::index {

struct GraphOptions {
  uint32_t degree = 32;      ///< neighbours of a row, at most
  uint32_t repetitions = 2;  ///< of the partition, each with other leaders
  PartitionOptions partition;
  LeafOptions leaves;
  float alpha = 1.2F;  ///< see prune(): of a row's candidates from all its leaves
  uint32_t spare = 2;  ///< of the neighbours, left for edges that are found to be missing later
};

/// Directed edges between rows: `degree` neighbours for each, nearest first, the rest filled up
/// with the row itself.
struct Graph {
  uint32_t degree = 0;
  std::vector<uint32_t> neighbours;
  std::vector<uint32_t> order;  ///< all rows, those that are near each other close together

  size_t rows() const noexcept { return degree == 0 ? 0 : neighbours.size() / degree; }
  std::span<const uint32_t> of(size_t row) const { return {&neighbours[row * degree], degree}; }
  std::span<uint32_t> of(size_t row) { return {&neighbours[row * degree], degree}; }
};

/// Builds the graph of all rows at once: edges are chosen among the rows of each leaf of several
/// partitions, then for each row among what all its leaves brought. The same for the same codes and
/// options, whatever the machine and however many threads there are.
Result<Graph> build_graph(const Context&, const RowCodes& codes, const GraphOptions& options,
                          Executor& executor);

/// Bytes of memory that it takes beside the codes, at most, leaves and their rows' numbers left
/// out.
uint64_t graph_bytes(uint32_t dim, uint32_t degree, size_t leaf, size_t threads, uint64_t rows);

}  // namespace viridian::index
