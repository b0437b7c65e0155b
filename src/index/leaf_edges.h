#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "index/candidates.h"
#include "index/partition.h"
#include "index/row_codes.h"

namespace viridian::index {

struct LeafOptions {
  size_t nearest = 32;  ///< of a row in its leaf, among which edges are chosen; at most 64
  size_t most = 16;     ///< edges from a row within one leaf
  float alpha = 1.0F;
};

/// An edge that may be worth having.
struct Edge {
  uint32_t from = 0;
  Candidate to;
};

/// Chooses edges among the rows of one leaf, all of whose distances are computed together. One
/// thread at a time; reused, it allocates nothing.
class LeafEdges {
 public:
  LeafEdges(const RowCodes& codes, const LeafOptions& options);
  /// Appends both directions of every edge.
  void of(std::span<const uint32_t> leaf, std::vector<Edge>& edges);

 private:
  void compute(std::span<const uint32_t> leaf);

  const LeafOptions options_;
  Tile tile_;
  NearestColumns nearest_;
  std::vector<float> distances_;  ///< columns() for each row of the leaf
  std::vector<float> minima_;     ///< 64 for each
  std::vector<Candidate> candidates_;
  Pruner pruner_;
};

}  // namespace viridian::index
