#include "index/graph_index.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "index/flat.h"

namespace viridian::index {
namespace {

/// Searches that are kept for the next query.
constexpr size_t kIdleSearches = 16;

PointFit fit_of(const IndexArrays& arrays) {
  return {arrays.header.scale, arrays.header.radius, {arrays.centre.begin(), arrays.centre.end()}};
}

Space space_of(const IndexArrays& arrays) { return static_cast<Space>(arrays.header.space); }

Status check(const IndexArrays& arrays) {
  const IndexHeader& header = arrays.header;
  const auto wrong = [](const char* what) {
    return Error(Code::data_loss, std::string("the index is damaged: ") + what);
  };
  if (header.version != IndexHeader::kVersion)
    return Error(Code::failed_precondition, "the index has format version " +
                                                std::to_string(header.version) +
                                                ", which this program does not know");
  if (header.space > static_cast<uint32_t>(Space::ip) || header.dim == 0 || header.degree == 0 ||
      (header.bits != 1 && header.bits != 2 && header.bits != 4 && header.bits != 8))
    return wrong("its header");
  const uint32_t dim = PointMap::point_dim(space_of(arrays), header.dim);
  const size_t nodes = header.nodes;
  if (arrays.centre.size() != dim || arrays.nodes_of.size() != header.rows ||
      arrays.records.size() != nodes * RecordCoder(dim, header.bits).bytes() ||
      arrays.links.size() != nodes * header.degree || (nodes != 0 && arrays.entries.empty()))
    return wrong("its parts are not of the size that its header says");
  return ok_status();
}

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
  while (upper + 1 < levels.size() && double{levels[upper].recall} < recall) ++upper;
  const size_t lower = upper == 0 ? 0 : upper - 1;
  double breadth = 0;
  if (levels[upper].breadth[0] == 0 || levels[upper].breadth[1] == 0) return {};
  const double most = for_nearest(levels[upper].breadth, nearest);
  if (lower == upper || double{levels[upper].recall} <= recall) {
    breadth = most;
  } else {
    const double least = for_nearest(levels[lower].breadth, nearest);
    breadth = between(std::log(1 - recall), std::log(1 - double{levels[lower].recall}), least,
                      std::log(1 - double{levels[upper].recall}), most);
  }
  Effort effort;
  effort.breadth = std::max(nearest, static_cast<size_t>(std::ceil(breadth)));
  effort.refine = std::max(nearest, static_cast<size_t>(for_nearest(header.refine, nearest)));
  return effort;
}

std::span<const Twin> GraphIndex::twins_of(uint32_t first) const {
  const auto begin = std::lower_bound(arrays_.twins.begin(), arrays_.twins.end(), Twin{first, 0});
  const auto end = std::upper_bound(begin, arrays_.twins.end(), Twin{first, UINT32_MAX});
  return {begin, end};
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
    : index_(index), search_(index.view_), point_(index.map_.dim()) {}

bool IndexSearch::assign(const float* vector) {
  if (index_.arrays_.header.nodes == 0) return false;
  float norm = 0;
  FlatScanner::norms(vector, index_.arrays_.header.dim, 1, &norm);
  if (!index_.map_.query(vector, norm, point_.data())) return false;
  search_.assign(point_.data());
  return true;
}

void IndexSearch::assign_row(const float* vector, float norm) {
  index_.map_.point(vector, norm, point_.data());
  search_.assign(point_.data());
}

FoundRow IndexSearch::row_of(uint64_t found) const noexcept {
  const size_t bytes = index_.coder_.bytes();
  simd::RecordTail tail;
  std::memcpy(&tail,
              index_.arrays_.records.data() + size_t{GraphSearch::row_of(found)} * bytes + bytes -
                  sizeof tail,
              sizeof tail);
  return {tail.row & ~(kHasTwins | kApart), (tail.row & kHasTwins) != 0, (tail.row & kApart) != 0};
}

}  // namespace viridian::index
