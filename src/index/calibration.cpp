#include "index/calibration.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "index/flat.h"
#include "index/parallel.h"
#include "index/random.h"

namespace viridian::index {
namespace {

constexpr size_t kQueries = 200;
constexpr uint64_t kSeed = 3;
constexpr size_t kRowsAtOnce = 4096, kQueriesAtOnce = 8;
constexpr size_t kGreatestBreadth = 1600;
constexpr double kGrowth = 1.3, kLateGrowth = 1.6;
/// The walk whose estimates tell how many have to be looked at exactly, and for what share of the
/// nearest that has to be enough.
constexpr size_t kRefineBreadth = 400;
constexpr double kRefineShare = 0.999;

/// One query: a node's own vector, the node left out.
struct Query {
  uint32_t node = 0;
  const float* vector = nullptr;
  std::vector<uint32_t> nearest;  ///< the others, ascending by distance

  /// The position in `nearest`, or its size.
  size_t rank_of(uint32_t other) const {
    return static_cast<size_t>(std::find(nearest.begin(), nearest.end(), other) - nearest.begin());
  }
};

class Calibrator {
 public:
  Calibrator(const Context& context, const GraphIndex& index, std::span<const uint32_t> node_rows,
             const RowSource& rows, Executor& executor)
      : context_(context), index_(index), node_rows_(node_rows), rows_(rows), executor_(executor) {}

  Status run(IndexHeader& header) {
    header.levels = {};
    for (size_t i = 0; i < kLevelRecalls.size(); ++i) header.levels[i].recall = kLevelRecalls[i];
    VIRIDIAN_TRY_VOID(draw());
    if (queries_.empty()) return ok_status();
    VIRIDIAN_TRY_VOID(read_everything());
    VIRIDIAN_TRY_VOID(find_refine(header));
    double breadth = kLevelNearest[0];
    for (bool more = true; more && breadth <= kGreatestBreadth;
         breadth *= breadth < kRefineBreadth ? kGrowth : kLateGrowth) {
      VIRIDIAN_TRY(more, try_breadth(static_cast<size_t>(breadth), header));
    }
    return ok_status();
  }

 private:
  Status draw() {
    const size_t count = std::min(kQueries, node_rows_.size());
    std::vector<uint32_t> nodes;
    for (size_t i = 0; i < count; ++i)
      nodes.push_back(static_cast<uint32_t>(random_number(kSeed, i) % node_rows_.size()));
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    IndexSearch search(index_);
    for (const uint32_t node : nodes) {
      VIRIDIAN_TRY(const float* const vector, rows_.vector(node_rows_[node]));
      if (search.assign(vector)) queries_.push_back({node, vector, {}});
    }
    return ok_status();
  }

  /// The nearest of each query, exactly.
  Status read_everything() {
    Matrix vectors{rows_.dim(), {}};
    for (const Query& query : queries_)
      vectors.values.insert(vectors.values.end(), query.vector, query.vector + rows_.dim());
    const FlatScanner scanner(static_cast<Space>(index_.header().space), rows_.dim(), vectors);
    const size_t nearest = kLevelNearest.back() + 1;
    std::vector<TopK> all(queries_.size(), TopK(nearest));
    std::mutex mutex;
    VIRIDIAN_TRY_VOID(for_pieces(context_, executor_, node_rows_.size(), kRowsAtOnce,
                                 [&](size_t begin, size_t end) {
                                   std::vector<TopK> some(queries_.size(), TopK(nearest));
                                   Status scanned = scan(scanner, begin, end, some);
                                   const std::lock_guard lock(mutex);
                                   for (size_t i = 0; i < all.size(); ++i) all[i].merge(some[i]);
                                   return scanned;
                                 }));
    for (size_t i = 0; i < queries_.size(); ++i)
      for (const Neighbour& neighbour : all[i].sorted())
        if (neighbour.offset != queries_[i].node && queries_[i].nearest.size() + 1 < nearest)
          queries_[i].nearest.push_back(static_cast<uint32_t>(neighbour.offset));
    return ok_status();
  }

  Status scan(const FlatScanner& scanner, size_t begin, size_t end, std::vector<TopK>& results) {
    std::vector<const float*> vectors;
    std::vector<float> norms;
    std::vector<Offset> nodes;
    rows_.will_need(node_rows_.subspan(begin, end - begin));
    for (size_t node = begin; node < end; ++node) {
      VIRIDIAN_TRY(vectors.emplace_back(), rows_.vector(node_rows_[node]));
      VIRIDIAN_TRY(norms.emplace_back(), rows_.norm(node_rows_[node]));
      nodes.push_back(node);
    }
    scanner.gather(vectors, norms.data(), nodes, results);
    return ok_status();
  }

  /// Calls use(query number, search, what a walk of it found).
  template <class Use>
  Status walk_all(size_t breadth, Use&& use) {
    return for_pieces(context_, executor_, queries_.size(), kQueriesAtOnce,
                      [&](size_t begin, size_t end) -> Status {
                        IndexSearch search(index_);
                        for (size_t i = begin; i < end; ++i) {
                          search.assign(queries_[i].vector);
                          search.hide(queries_[i].node);
                          use(i, search, search.walk(breadth));
                        }
                        return ok_status();
                      });
  }

  /// Per query and k, at which position of what was found each of the nearest is.
  using Positions = std::vector<std::array<std::vector<size_t>, kLevelNearest.size()>>;

  void note(size_t i, size_t k, std::span<const uint64_t> found, Positions& positions) const {
    const size_t nearest = std::min<size_t>(kLevelNearest[k], queries_[i].nearest.size());
    for (size_t at = 0; at < found.size(); ++at)
      if (queries_[i].rank_of(GraphSearch::row_of(found[at])) < nearest)
        positions[i][k].push_back(at + 1);
  }

  /// So many of those found have (nearly) all of the nearest that are among them.
  static uint32_t enough(const Positions& positions, size_t k) {
    std::vector<size_t> all;
    for (const auto& of_query : positions)
      all.insert(all.end(), of_query[k].begin(), of_query[k].end());
    std::sort(all.begin(), all.end());
    if (all.empty()) return kLevelNearest[k];
    const auto last = static_cast<size_t>(static_cast<double>(all.size()) * kRefineShare);
    return std::max(kLevelNearest[k], static_cast<uint32_t>(all[std::min(last, all.size() - 1)]));
  }

  Status find_refine(IndexHeader& header) {
    Positions positions(queries_.size());
    std::vector<std::vector<uint64_t>> all(queries_.size());
    VIRIDIAN_TRY_VOID(
        walk_all(kRefineBreadth, [&](size_t i, IndexSearch&, std::span<const uint64_t> found) {
          all[i].assign(found.begin(), found.end());
          for (size_t k = 0; k < kLevelNearest.size(); ++k) note(i, k, found, positions);
        }));
    for (size_t k = 0; k < kLevelNearest.size(); ++k)
      header.exact[k] = header.refine[k] = enough(positions, k);
    if (header.fine_bits == 0) return ok_status();
    Positions refined(queries_.size());
    IndexSearch search(index_);
    for (size_t i = 0; i < queries_.size(); ++i) {
      search.assign(queries_[i].vector);
      for (size_t k = 0; k < kLevelNearest.size(); ++k)
        note(i, k, search.refine(all[i], header.refine[k]), refined);
    }
    for (size_t k = 0; k < kLevelNearest.size(); ++k) header.exact[k] = enough(refined, k);
    return ok_status();
  }

  /// Notes this breadth for the levels that it reaches first; whether there are higher ones.
  Result<bool> try_breadth(size_t breadth, IndexHeader& header) {
    std::vector<std::array<size_t, kLevelNearest.size()>> hits(queries_.size());
    std::vector<uint64_t> distances(queries_.size());
    VIRIDIAN_TRY_VOID(walk_all(breadth, [&](size_t i, IndexSearch& search,
                                            std::span<const uint64_t> found) {
      distances[i] = search.counts().distances;
      for (size_t k = 0; k < kLevelNearest.size(); ++k) {
        const auto best = search.refine(found, header.refine[k]);
        for (const uint64_t each : best.first(std::min<size_t>(best.size(), header.exact[k])))
          hits[i][k] += queries_[i].rank_of(GraphSearch::row_of(each)) < kLevelNearest[k] ? 1 : 0;
      }
    }));
    uint64_t computed = 0;
    for (const uint64_t each : distances) computed += each;
    bool more = false;
    for (size_t k = 0; k < kLevelNearest.size(); ++k) {
      size_t hit = 0, wanted = 0;
      for (size_t i = 0; i < queries_.size(); ++i) {
        hit += hits[i][k];
        wanted += std::min<size_t>(kLevelNearest[k], queries_[i].nearest.size());
      }
      for (Level& level : header.levels) {
        if (level.breadth[k] != 0) continue;
        const bool reached =
            static_cast<double>(hit) >= double{level.recall} * static_cast<double>(wanted);
        if (!reached) {
          more = true;
          continue;
        }
        level.breadth[k] = static_cast<uint32_t>(breadth);
        if (k == 0 && level.recall == kLevelRecalls[1])
          header.distances = static_cast<uint32_t>(computed / queries_.size());
      }
    }
    return more;
  }

  const Context& context_;
  const GraphIndex& index_;
  std::span<const uint32_t> node_rows_;
  const RowSource& rows_;
  Executor& executor_;
  std::vector<Query> queries_;
};

}  // namespace

Status calibrate(const Context& context, const GraphIndex& index,
                 std::span<const uint32_t> node_rows, const RowSource& rows, Executor& executor,
                 IndexHeader& header) {
  return Calibrator(context, index, node_rows, rows, executor).run(header);
}

}  // namespace viridian::index
