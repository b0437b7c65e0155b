#include "index/leaf_edges.h"

#include <algorithm>
#include <limits>

namespace viridian::index {

LeafEdges::LeafEdges(const RowCodes& codes, const LeafOptions& options)
    : options_(options), tile_(codes) {}

void LeafEdges::compute(std::span<const uint32_t> leaf) {
  tile_.assign(leaf);
  const size_t columns = tile_.columns();
  distances_.resize(columns * columns);
  minima_.resize(columns * 64);
  for (size_t begin = 0; begin < leaf.size(); begin += simd::kTileRows) {
    const auto rows = leaf.subspan(begin, std::min(simd::kTileRows, leaf.size() - begin));
    tile_.distances(rows, distances_.data() + begin * columns, minima_.data() + begin * 64);
  }
}

void LeafEdges::of(std::span<const uint32_t> leaf, std::vector<Edge>& edges) {
  compute(leaf);
  const size_t columns = tile_.columns();
  // One more than asked for: a row is its own nearest, or one of several that are at distance 0.
  const size_t nearest = std::min<size_t>(options_.nearest + 1, 64);
  std::vector<Candidate>& candidates = candidates_;
  for (size_t i = 0; i < leaf.size(); ++i) {
    const std::span row(distances_.data() + i * columns, columns);
    const auto found = nearest_.of(row, minima_.data() + i * 64, nearest);
    candidates.clear();
    for (const Candidate& candidate : found)
      if (candidate.row != i) candidates.push_back(candidate);
    const auto between = [&](uint32_t one, std::span<const uint32_t> others, float* out) {
      const float* const from = distances_.data() + candidates[one].row * columns;
      for (size_t j = 0; j < others.size(); ++j) out[j] = from[candidates[others[j]].row];
    };
    for (const uint32_t k : pruner_.prune(candidates, options_.alpha, options_.most, between)) {
      const Candidate& to = candidates[k];
      edges.push_back({leaf[i], {to.distance, leaf[to.row]}});
      edges.push_back({leaf[to.row], {to.distance, leaf[i]}});
    }
  }
}

}  // namespace viridian::index
