#include "index/index_builder.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "index/calibration.h"
#include "index/graph_builder.h"
#include "index/parallel.h"
#include "index/random.h"
#include "index/reachability.h"

namespace viridian::index {
namespace {

constexpr size_t kRowsAtOnce = 1024;
constexpr uint64_t kEntrySeed = 2;
/// Of finer records, where those that walks read have fewer.
constexpr uint32_t kFineBits = 4;
/// More shorten walks by less than it takes to look at them.
constexpr size_t kEntries = 64;
constexpr uint32_t kLowDim = 200;  ///< where graphs need more edges
/// Broad enough that few rows are not found by their own vector, and hardly broader than what it
/// takes to find nine in ten of others.
constexpr uint32_t kProofBreadth = 20, kLowDimProofBreadth = 48;

/// The most bits with which a record takes one line; from there on, what was found to be enough.
uint32_t bits_for(uint32_t dim) {
  constexpr uint32_t kOneLine = simd::kLineBytes - sizeof(simd::RecordTail);
  constexpr uint32_t kTwoLines = 2 * simd::kLineBytes - sizeof(simd::RecordTail);
  if (dim <= kOneLine) return 8;
  if (dim <= kOneLine * 2) return 4;
  return dim <= kTwoLines * 4 ? 2 : 1;
}

uint32_t degree_for(const IndexOptions& options, uint32_t dim) {
  if (options.degree != 0) return options.degree;
  return dim <= kLowDim ? 48 : 32;
}

uint32_t leaf_for(const IndexOptions& options, uint32_t dim) {
  if (options.leaf != 0) return options.leaf;
  return dim <= kLowDim ? 2000 : 1000;
}

class Builder {
 public:
  Builder(const Context& context, const RowSource& rows, const IndexOptions& options,
          Executor& executor)
      : context_(context), rows_(rows), options_(options), executor_(executor) {}

  Result<BuiltIndex> build() {
    VIRIDIAN_TRY(built_.twins, find_twins(context_, rows_, executor_));
    VIRIDIAN_TRY(const PointFit fit, PointMap::fit(context_, rows_, options_.space));
    built_.centre = fit.centre;
    const PointMap map(options_.space, rows_.dim(), fit);
    VIRIDIAN_TRY_VOID(choose_nodes());
    set_header(map);
    VIRIDIAN_TRY_VOID(link(map));
    choose_entries();
    for (bool enough = false; !enough; built_.header.bits *= enough ? 1 : 2) {
      built_.header.fine_bits = built_.header.bits < kFineBits ? kFineBits : 0;
      VIRIDIAN_TRY_VOID(encode(map));
      VIRIDIAN_TRY(const auto index, GraphIndex::open(built_.arrays()));
      const uint32_t breadth = map.dim() <= kLowDim ? kLowDimProofBreadth : kProofBreadth;
      VIRIDIAN_TRY(
          const std::vector<uint32_t> lost,
          make_reachable(context_, *index, node_rows_, rows_, breadth, built_.links, executor_));
      VIRIDIAN_TRY_VOID(calibrate(context_, *index, node_rows_, rows_, executor_, built_.header));
      for (Level& level : built_.header.levels)
        if (level.breadth[0] != 0) level.breadth[0] = std::max(level.breadth[0], breadth);
      enough = !may_have_more_bits() || good_enough(lost.size());
      if (enough) set_apart(lost);
      // To look at so many in every search is hardly less than to read all.
      if (enough && !few(lost.size()))
        for (Level& level : built_.header.levels) level.breadth = {};
    }
    return std::move(built_);
  }

 private:
  /// Rows that have points and no earlier twin; the others of no node are apart.
  Status choose_nodes() {
    std::vector<bool> later(rows_.rows());
    for (const Twin& twin : built_.twins) later[twin.row] = true;
    for (uint32_t row = 0; row < rows_.rows(); ++row) {
      VIRIDIAN_TRY(const float norm, rows_.norm(row));
      if (later[row]) continue;
      (PointMap::has_point(options_.space, norm) ? node_rows_ : built_.apart).push_back(row);
    }
    return ok_status();
  }

  void set_header(const PointMap& map) {
    IndexHeader& header = built_.header;
    const uint32_t dim = map.dim();
    header.space = static_cast<uint32_t>(options_.space);
    header.dim = rows_.dim();
    header.bits = options_.bits != 0 ? options_.bits : bits_for(dim);
    header.degree = degree_for(options_, dim);
    header.rows = rows_.rows();
    header.nodes = static_cast<uint32_t>(node_rows_.size());
    header.scale = map.parameters().scale;
    header.radius = map.parameters().radius;
  }

  /// Builds the graph, and numbers the nodes so that near ones lie close together.
  Status link(const PointMap& map) {
    RowCodes codes(node_rows_.size(), map.dim());
    VIRIDIAN_TRY_VOID(
        for_points(map, [&](size_t node, const float* point) { codes.set(node, point); }));
    GraphOptions options;
    options.degree = built_.header.degree;
    options.partition.leaf = leaf_for(options_, map.dim());
    VIRIDIAN_TRY(const Graph graph, build_graph(context_, codes, options, executor_));
    std::vector<uint32_t> numbers(graph.order.size()), rows(graph.order.size());
    for (uint32_t i = 0; i < numbers.size(); ++i) {
      numbers[graph.order[i]] = i;
      rows[i] = node_rows_[graph.order[i]];
    }
    node_rows_ = std::move(rows);
    built_.links.reserve(graph.neighbours.size());
    for (const uint32_t old : graph.order)
      for (const uint32_t neighbour : graph.of(old)) built_.links.push_back(numbers[neighbour]);
    built_.nodes_of.assign(rows_.rows(), IndexArrays::kNoNode);
    for (uint32_t node = 0; node < node_rows_.size(); ++node)
      built_.nodes_of[node_rows_[node]] = node;
    for (const Twin& twin : built_.twins) built_.nodes_of[twin.row] = built_.nodes_of[twin.first];
    return ok_status();
  }

  void choose_entries() {
    const size_t nodes = node_rows_.size();
    for (size_t i = 0; i < std::min(nodes, kEntries); ++i)
      built_.entries.push_back(static_cast<uint32_t>(random_number(kEntrySeed, i) % nodes));
    std::sort(built_.entries.begin(), built_.entries.end());
    built_.entries.erase(std::unique(built_.entries.begin(), built_.entries.end()),
                         built_.entries.end());
  }

  /// Makes the records, and the finer ones where there are to be any that are not there yet.
  Status encode(const PointMap& map) {
    const IndexHeader& header = built_.header;
    const RecordCoder coder(map.dim(), header.bits);
    std::optional<RecordCoder> fine;
    const size_t nodes = node_rows_.size();
    built_.records = os::LargeArray<uint8_t>(nodes * coder.bytes());
    if (header.fine_bits == 0) {
      built_.fine = os::LargeArray<uint8_t>(0);
    } else if (!has_fine_) {
      fine.emplace(map.dim(), header.fine_bits);
      built_.fine = os::LargeArray<uint8_t>(nodes * fine->bytes());
      has_fine_ = true;
    }
    std::vector<bool> has_twins(rows_.rows());
    for (const Twin& twin : built_.twins) has_twins[twin.first] = true;
    return for_points(map, [&](size_t node, const float* point) {
      const uint32_t row = node_rows_[node] | (has_twins[node_rows_[node]] ? kHasTwins : 0);
      coder.encode(point, row, built_.records.data() + node * coder.bytes());
      if (fine) fine->encode(point, row, built_.fine.data() + node * fine->bytes());
    });
  }

  template <class Use>
  Status for_points(const PointMap& map, Use&& use) {
    return for_pieces(context_, executor_, node_rows_.size(), kRowsAtOnce,
                      [&](size_t begin, size_t end) -> Status {
                        rows_.will_need(std::span(node_rows_).subspan(begin, end - begin));
                        std::vector<float> point(map.dim());
                        for (size_t node = begin; node < end; ++node) {
                          VIRIDIAN_TRY(const float norm, rows_.norm(node_rows_[node]));
                          VIRIDIAN_TRY(const float* const vector, rows_.vector(node_rows_[node]));
                          map.point(vector, norm, point.data());
                          use(node, point.data());
                        }
                        return ok_status();
                      });
  }

  bool few(size_t lost) const {
    constexpr size_t kShare = 200;
    return lost <= node_rows_.size() / kShare;
  }

  bool may_have_more_bits() const {
    IndexOptions options = options_;
    options.bits = 2 * built_.header.bits;
    return options.bits <= kMostBits &&
           searched_bytes_per_row(options, rows_.dim()) <= options_.searched_bytes_per_row;
  }

  bool good_enough(size_t lost) const {
    constexpr uint32_t kMostRefined = 200;
    return few(lost) && built_.header.levels[3].breadth[0] != 0 &&
           built_.header.refine[0] <= kMostRefined;
  }

  void set_apart(const std::vector<uint32_t>& lost) {
    const size_t bytes = built_.record_bytes(built_.header.bits);
    for (const uint32_t node : lost) {
      built_.apart.push_back(node_rows_[node]);
      uint8_t* const end = built_.records.data() + (node + 1) * bytes;
      simd::RecordTail tail;
      std::memcpy(&tail, end - sizeof tail, sizeof tail);
      tail.row |= kApart;
      std::memcpy(end - sizeof tail, &tail, sizeof tail);
    }
    std::sort(built_.apart.begin(), built_.apart.end());
  }

  const Context& context_;
  const RowSource& rows_;
  const IndexOptions& options_;
  Executor& executor_;
  std::vector<uint32_t> node_rows_;  ///< per node its row
  bool has_fine_ = false;
  BuiltIndex built_;
};

}  // namespace

size_t BuiltIndex::record_bytes(uint32_t bits) const {
  const uint32_t dim = PointMap::point_dim(static_cast<Space>(header.space), header.dim);
  return bits == 0 ? 0 : RecordCoder(dim, bits).bytes();
}

IndexArrays BuiltIndex::arrays() const {
  const size_t nodes = header.nodes;
  return {header,
          centre,
          {records.data(), nodes * record_bytes(header.bits)},
          {fine.data(), nodes * record_bytes(header.fine_bits)},
          links,
          entries,
          nodes_of,
          apart,
          twins};
}

Result<BuiltIndex> build_index(const Context& context, const RowSource& rows,
                               const IndexOptions& options, Executor& executor) {
  return Builder(context, rows, options, executor).build();
}

uint64_t build_bytes(const IndexOptions& options, uint32_t dim, size_t threads, uint64_t rows) {
  const uint32_t point_dim = PointMap::point_dim(options.space, dim);
  // Beside the graph and its codes: numbers of rows, and the leaves that they are in.
  constexpr uint64_t kNumbers = 64;
  return rows * (RowCodes::bytes_per_row(point_dim) + kNumbers) +
         graph_bytes(point_dim, degree_for(options, point_dim), leaf_for(options, point_dim),
                     threads, rows);
}

uint64_t searched_bytes_per_row(const IndexOptions& options, uint32_t dim) {
  const uint32_t point_dim = PointMap::point_dim(options.space, dim);
  const uint32_t bits = options.bits != 0 ? options.bits : bits_for(point_dim);
  return RecordCoder(point_dim, bits).bytes() + degree_for(options, point_dim) * sizeof(uint32_t);
}

}  // namespace viridian::index
