// Searches of which only some nodes are to be found: GraphSearch's part for those.
#include <algorithm>
#include <bit>
#include <limits>

#include "index/graph_search.h"
#include "simd/prefetch.h"

namespace viridian::index {
namespace {

/// Rows left before it is asked how many of those found count.
constexpr size_t kProbe = 16;
/// A walk that has to be little broader than it was is broad enough.
constexpr double kLittle = 1.15;
/// Nodes of a scan that are asked for while those before them are looked at.
constexpr size_t kScanAtOnce = 32;
/// Words of their bits between two looks at the context.
constexpr size_t kStopAfter = 64;

}  // namespace

std::span<const uint64_t> GraphSearch::walk(const WalkGuide& guide, size_t room) {
  begin(std::max(room, 2 * kProbe));
  for (size_t limit = kProbe;;) {
    walk_to(limit);
    if (stopped_) break;
    const size_t reached = std::min(limit, size_);
    size_t counted = 0;
    for (size_t i = 0; i < reached; ++i) counted += guide.counts(pool_[i]) ? 1 : 0;
    const size_t wanted = guide.breadth(reached, counted);
    if (wanted != 0 && static_cast<double>(wanted) <= kLittle * static_cast<double>(reached)) break;
    if (wanted == 0 || reached < limit) {
      size_ = 0;
      break;
    }
    limit = wanted;
    if (limit <= breadth_ || breadth_ == view_.rows) continue;
    // What was dropped would be needed.
    forget_seen();
    begin(limit * 2);
  }
  forget_seen();
  return found();
}

std::span<const uint64_t> GraphSearch::scan(const NodeSet& nodes, size_t keep) {
  const size_t bytes = view_.coder->bytes();
  pool_.clear();
  bound_ = std::numeric_limits<float>::max();
  counts_ = {};
  stopped_ = false;
  uint32_t numbers[2][kScanAtOnce];
  size_t turn = 0, filled = 0, before = 0;
  const auto look = [&] {  // at those before, while these are on their way
    if (before != 0) {
      query_.distances(records_.data() + (1 - turn) * kScanAtOnce, before, distances_.data());
      for (size_t i = 0; i < before; ++i)
        if (distances_[i] <= bound_) pool_.push_back(packed(distances_[i], numbers[1 - turn][i]));
      if (pool_.size() >= 2 * keep) keep_nearest(keep);
    }
    counts_.distances += before = filled;
    filled = 0;
    turn = 1 - turn;
  };
  for (size_t word = 0; word < nodes.bits().size(); ++word) {
    if (word % kStopAfter == kStopAfter - 1 && must_stop()) break;
    for (uint64_t left = nodes.bits()[word]; left != 0; left &= left - 1) {
      const size_t node = word * 64 + static_cast<size_t>(std::countr_zero(left));
      const uint8_t* const record = view_.records + node * bytes;
      simd::prefetch(record, bytes);
      numbers[turn][filled] = static_cast<uint32_t>(node);
      records_[turn * kScanAtOnce + filled] = record;
      if (++filled == kScanAtOnce) look();
    }
  }
  look();
  look();
  keep_nearest(keep);
  std::sort(pool_.begin(), pool_.end());
  size_ = pool_.size();
  return found();
}

/// Drops all but the nearest `keep`, and what is farther from then on.
void GraphSearch::keep_nearest(size_t keep) {
  if (pool_.size() <= keep) return;
  std::nth_element(pool_.begin(), pool_.begin() + static_cast<ptrdiff_t>(keep) - 1, pool_.end());
  pool_.resize(keep);
  bound_ = distance_of(pool_.back());
}

}  // namespace viridian::index
