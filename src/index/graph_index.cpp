#include "index/graph_index.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "index/flat.h"
#include "index/index_check.h"
#include "simd/prefetch.h"

namespace viridian::index {
namespace {

/// Searches that are kept for the next query.
constexpr size_t kIdleSearches = 16;
/// Standard deviations by which an estimate is off hardly ever.
constexpr float kClear = 6;

PointFit fit_of(const IndexArrays& arrays) {
  return {arrays.header.scale, arrays.header.radius, {arrays.centre.begin(), arrays.centre.end()}};
}

Space space_of(const IndexArrays& arrays) { return static_cast<Space>(arrays.header.space); }

/// Between two that are known, as if their logarithms lay on a line; beyond them, on that line.
double between(double at, double x0, double y0, double x1, double y1) {
  const double slope = (std::log(y1) - std::log(y0)) / (x1 - x0);
  return y0 * std::exp((at - x0) * slope);
}

/// On the line through the two, as `nearest` grows; for fewer as for the first.
double for_nearest(const std::array<uint32_t, 2>& known, size_t nearest) {
  const double low = known[0], high = known[1];
  const double slope = (high - low) / (kLevelNearest[1] - kLevelNearest[0]);
  const double more = static_cast<double>(nearest) - kLevelNearest[0];
  return low + std::max(0.0, slope) * std::max(0.0, more);
}

}  // namespace

Result<std::unique_ptr<GraphIndex>> GraphIndex::open(const IndexArrays& arrays) {
  VIRIDIAN_TRY_VOID(check(arrays));
  return std::make_unique<GraphIndex>(arrays);
}

GraphIndex::GraphIndex(const IndexArrays& arrays)
    : arrays_(arrays),
      map_(space_of(arrays), arrays.header.dim, fit_of(arrays)),
      coder_(map_.dim(), arrays.header.bits),
      entry_records_(arrays.entries.size() * coder_.bytes()) {
  if (arrays.header.fine_bits != 0) fine_coder_.emplace(map_.dim(), arrays.header.fine_bits);
  for (size_t i = 0; i < arrays.entries.size(); ++i)
    std::memcpy(entry_records_.data() + i * coder_.bytes(),
                arrays.records.data() + arrays.entries[i] * coder_.bytes(), coder_.bytes());
  view_ = {&coder_,
           arrays.header.nodes,
           arrays.header.degree,
           arrays.records.data(),
           arrays.links.data(),
           arrays.entries,
           entry_records_.data()};
}

Effort GraphIndex::effort(double recall, size_t nearest) const {
  const IndexHeader& header = arrays_.header;
  const auto& levels = header.levels;
  size_t upper = 0;
  // As levels are stored: the first one's 0.9F is less than 0.9.
  const auto wanted = static_cast<float>(recall);
  while (upper + 1 < levels.size() && levels[upper].recall < wanted) ++upper;
  if (levels[upper].recall < wanted) return {};
  const size_t lower = upper == 0 ? 0 : upper - 1;
  double breadth = 0;
  const bool few = nearest <= kLevelNearest[0];
  if (levels[upper].breadth[0] == 0 || (!few && levels[upper].breadth[1] == 0)) return {};
  const double most = for_nearest(levels[upper].breadth, nearest);
  if (lower == upper || levels[upper].recall <= wanted) {
    breadth = most;
  } else {
    const double least = for_nearest(levels[lower].breadth, nearest);
    breadth = between(std::log(1 - recall), std::log(1 - double{levels[lower].recall}), least,
                      std::log(1 - double{levels[upper].recall}), most);
  }
  Effort effort;
  effort.breadth = std::max(nearest, static_cast<size_t>(std::ceil(breadth)));
  effort.refine = std::max(nearest, static_cast<size_t>(for_nearest(header.refine, nearest)));
  effort.exact = std::max(nearest, static_cast<size_t>(for_nearest(header.exact, nearest)));
  return effort;
}

std::span<const Twin> GraphIndex::twins_of(uint32_t first) const {
  const auto begin = std::lower_bound(arrays_.twins.begin(), arrays_.twins.end(), Twin{first, 0});
  const auto end = std::upper_bound(begin, arrays_.twins.end(), Twin{first, UINT32_MAX});
  return {begin, end};
}

bool GraphIndex::is_apart(uint32_t row) const {
  const uint32_t node = arrays_.nodes_of[row];
  return node == IndexArrays::kNoNode || row_of_node(node).apart;
}

FoundRow GraphIndex::row_of_node(uint32_t node) const noexcept {
  return found_row(coder_.tail(arrays_.records.data() + size_t{node} * coder_.bytes()));
}

std::unique_ptr<IndexSearch> GraphIndex::take_search() const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto search = std::move(idle_.back());
      idle_.pop_back();
      return search;
    }
  }
  return std::make_unique<IndexSearch>(*this);
}

void GraphIndex::give_back(std::unique_ptr<IndexSearch> search) const {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleSearches) idle_.push_back(std::move(search));
}

IndexSearch::IndexSearch(const GraphIndex& index)
    : index_(index), search_(index.view_), point_(index.map_.dim()) {
  if (index.fine_coder_) fine_query_.emplace(*index.fine_coder_);
}

bool IndexSearch::assign(const float* vector) {
  if (index_.arrays_.header.nodes == 0) return false;
  float norm = 0;
  FlatScanner::norms(vector, index_.arrays_.header.dim, 1, &norm);
  if (!index_.map_.query(vector, norm, point_.data())) return false;
  search_.assign(point_.data());
  fine_assigned_ = false;
  return true;
}

void IndexSearch::assign_row(const float* vector, float norm) {
  index_.map_.point(vector, norm, point_.data());
  search_.assign(point_.data());
  fine_assigned_ = false;
}

bool IndexSearch::finds(uint32_t node, size_t breadth) {
  const RecordCoder& coder = index_.coder_;
  const float length =
      coder.tail(index_.arrays_.records.data() + size_t{node} * coder.bytes()).length;
  bool found = search_.finds(node, breadth, kClear * coder.deviation() * length);
  const auto only_own = [&] {
    return search_.found().size() == breadth && may_be_own(search_.found().back());
  };
  while (!found && only_own()) found = GraphSearch::contains(walk(breadth *= 2), node);
  if (!found) return false;
  search_.estimate(std::span(&node, 1), own_);
  return may_be_own(own_.front());
}

std::span<const uint64_t> IndexSearch::refine(std::span<const uint64_t> found, size_t count) {
  found = found.first(std::min(count, found.size()));
  if (!fine_query_ || found.empty()) return found;
  const size_t bytes = index_.fine_coder_->bytes();
  fine_records_.clear();
  for (const uint64_t each : found) {
    const uint8_t* const record =
        index_.arrays_.fine.data() + size_t{GraphSearch::row_of(each)} * bytes;
    simd::prefetch(record, bytes);
    fine_records_.push_back(record);
  }
  if (!fine_assigned_) fine_query_->assign(point_.data());
  fine_assigned_ = true;
  fine_distances_.resize(found.size() + 3);
  fine_query_->distances(fine_records_.data(), found.size(), fine_distances_.data());
  refined_.clear();
  for (size_t i = 0; i < found.size(); ++i)
    refined_.push_back(GraphSearch::packed(fine_distances_[i], GraphSearch::row_of(found[i])));
  std::sort(refined_.begin(), refined_.end());
  return refined_;
}

FoundRow IndexSearch::row_of(uint64_t found) const noexcept {
  return index_.row_of_node(GraphSearch::row_of(found));
}

}  // namespace viridian::index
