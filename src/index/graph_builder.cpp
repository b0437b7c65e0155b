#include "index/graph_builder.h"

#include <algorithm>
#include <memory>

#include "index/parallel.h"
#include "index/random.h"
#include "os/large_array.h"

namespace viridian::index {
namespace {

/// Leaves whose edges are made, by any threads, before they are given to their rows.
constexpr size_t kLeavesAtOnce = 64;
/// Rows that one thread takes at once.
constexpr size_t kRowsAtOnce = 4096;

/// The nearest candidates of each row so far, without repetition. A row's are in order of
/// insertion: which they are does not depend on it.
class CandidateLists {
 public:
  explicit CandidateLists(size_t rows) : sizes_(rows), lists_(rows * kMost) {}

  void add(const Edge& edge) {
    Candidate* const list = lists_.data() + size_t{edge.from} * kMost;
    uint32_t& size = sizes_[edge.from];
    if (std::find(list, list + size, edge.to) != list + size) return;
    if (size < kMost) {
      list[size++] = edge.to;
      // Full lists are heaps, the farthest in front.
      if (size == kMost) std::make_heap(list, list + kMost);
    } else if (edge.to < list[0]) {
      std::pop_heap(list, list + kMost);
      list[kMost - 1] = edge.to;
      std::push_heap(list, list + kMost);
    }
  }
  static constexpr size_t bytes_per_row() { return sizeof(uint32_t) + kMost * sizeof(Candidate); }
  /// Ascending.
  std::span<const Candidate> sorted(size_t row) {
    Candidate* const list = lists_.data() + row * kMost;
    std::sort(list, list + sizes_[row]);
    return {list, sizes_[row]};
  }

 private:
  static constexpr size_t kMost = 96;
  std::vector<uint32_t> sizes_;
  os::LargeArray<Candidate> lists_;
};

/// Gives the edges of some leaves to their rows: threads make edges leaf by leaf, then each takes
/// those from a range of rows, so that no list has two writers.
Status add_leaves(const Context& context, const RowCodes& codes, const Leaves& leaves,
                  const GraphOptions& options, CandidateLists& lists, Executor& executor) {
  const size_t workers = executor.concurrency();
  std::vector<std::unique_ptr<LeafEdges>> makers(workers);
  for (auto& maker : makers) maker = std::make_unique<LeafEdges>(codes, options.leaves);
  std::vector<std::vector<Edge>> edges(kLeavesAtOnce);
  for (size_t begin = 0; begin < leaves.size(); begin += kLeavesAtOnce) {
    VIRIDIAN_TRY_VOID(context.check());
    const size_t count = std::min(kLeavesAtOnce, leaves.size() - begin);
    executor.parallel_for(workers, [&](size_t worker) {
      for (size_t i = worker; i < count; i += workers) {
        edges[i].clear();
        makers[worker]->of(leaves[begin + i], edges[i]);
      }
    });
    executor.parallel_for(workers, [&](size_t worker) {
      for (size_t i = 0; i < count; ++i)
        for (const Edge& edge : edges[i])
          if (edge.from % workers == worker) lists.add(edge);
    });
  }
  return ok_status();
}

/// The rows as the leaves have them, each where it first is.
std::vector<uint32_t> in_order(const Leaves& leaves, size_t rows) {
  std::vector<uint32_t> order;
  order.reserve(rows);
  std::vector<bool> seen(rows);
  for (const uint32_t row : leaves.rows) {
    if (!seen[row]) order.push_back(row);
    seen[row] = true;
  }
  return order;
}

/// Chooses a row's neighbours among its candidates. One thread at a time.
class Chooser {
 public:
  Chooser(const RowCodes& codes, const GraphOptions& options)
      : options_(options), distances_(codes) {}

  void choose(std::span<const Candidate> candidates, uint32_t row, std::span<uint32_t> neighbours) {
    const auto between = [&](uint32_t one, std::span<const uint32_t> others, float* out) {
      rows_.clear();
      for (const uint32_t other : others) rows_.push_back(candidates[other].row);
      distances_.from(candidates[one].row);
      distances_.to(rows_, out);
    };
    std::fill(neighbours.begin(), neighbours.end(), row);
    size_t count = 0;
    for (const uint32_t k :
         pruner_.prune(candidates, options_.alpha, options_.degree - options_.spare, between))
      neighbours[count++] = candidates[k].row;
  }

 private:
  const GraphOptions& options_;
  RowDistances distances_;
  Pruner pruner_;
  std::vector<uint32_t> rows_;
};

}  // namespace

Result<Graph> build_graph(const Context& context, const RowCodes& codes,
                          const GraphOptions& options, Executor& executor) {
  CandidateLists lists(codes.rows());
  Graph graph{options.degree, std::vector<uint32_t>(codes.rows() * options.degree), {}};
  for (uint32_t repetition = 0; repetition < options.repetitions; ++repetition) {
    PartitionOptions drawn = options.partition;
    drawn.seed = random_number(options.partition.seed, repetition);
    const Leaves leaves = partition(codes, drawn, executor);
    if (repetition == 0) graph.order = in_order(leaves, codes.rows());
    VIRIDIAN_TRY_VOID(add_leaves(context, codes, leaves, options, lists, executor));
  }
  VIRIDIAN_TRY_VOID(for_pieces(
      context, executor, codes.rows(), kRowsAtOnce, [&](size_t begin, size_t end) -> Status {
        Chooser chooser(codes, options);
        for (size_t row = begin; row < end; ++row)
          chooser.choose(lists.sorted(row), static_cast<uint32_t>(row), graph.of(row));
        return ok_status();
      }));
  return graph;
}

uint64_t graph_bytes(uint32_t dim, uint32_t degree, size_t leaf, size_t threads, uint64_t rows) {
  const GraphOptions defaults;
  const uint64_t in_leaf = std::min<uint64_t>(leaf, rows);
  // Vectors of edges have room for up to as many again, and not all of them.
  const uint64_t at_once =
      std::min<uint64_t>(kLeavesAtOnce * leaf, (defaults.partition.copies + 1) * rows);
  const uint64_t edges = at_once * 3 * defaults.leaves.most * sizeof(Edge);
  const uint64_t per_thread =
      in_leaf * (in_leaf * sizeof(float) + 64 * sizeof(float) + 2 * RowCodes::bytes_per_row(dim));
  return rows * (CandidateLists::bytes_per_row() + (degree + 1) * sizeof(uint32_t)) + edges +
         threads * per_thread;
}

}  // namespace viridian::index
