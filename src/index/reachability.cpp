#include "index/reachability.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "index/index_builder.h"
#include "index/parallel.h"

namespace viridian::index {
namespace {

constexpr size_t kNodesAtOnce = 256;
constexpr int kRounds = 8;
/// Nodes that a lost one is linked to in one round.
constexpr size_t kNewLinks = 2;

/// A node that its own walk did not find, and what that found.
struct Lost {
  uint32_t node = 0;
  std::vector<uint32_t> instead;
};

class Prover {
 public:
  Prover(const Context& context, const GraphIndex& index, std::span<const uint32_t> node_rows,
         const RowSource& rows, std::span<uint32_t> links, Executor& executor)
      : context_(context),
        index_(index),
        node_rows_(node_rows),
        rows_(rows),
        links_(links),
        executor_(executor) {}

  Result<std::vector<uint32_t>> run() {
    std::vector<uint32_t> all(node_rows_.size());
    std::iota(all.begin(), all.end(), 0U);
    VIRIDIAN_TRY(std::vector<Lost> lost, lost_of(all));
    if (lost.empty()) return std::vector<uint32_t>();
    for (int round = 0; round < kRounds && !lost.empty(); ++round) {
      for (const Lost& each : lost) link(each);
      VIRIDIAN_TRY(lost, lost_of(nodes_of(lost)));
    }
    // A new link may have led a walk that found its node elsewhere.
    VIRIDIAN_TRY(lost, lost_of(all));
    return nodes_of(lost);
  }

 private:
  static std::vector<uint32_t> nodes_of(const std::vector<Lost>& lost) {
    std::vector<uint32_t> nodes;
    for (const Lost& each : lost) nodes.push_back(each.node);
    return nodes;
  }

  Result<std::vector<Lost>> lost_of(const std::vector<uint32_t>& nodes) {
    const size_t pieces = (nodes.size() + kNodesAtOnce - 1) / kNodesAtOnce;
    std::vector<std::vector<Lost>> found(pieces);
    VIRIDIAN_TRY_VOID(for_pieces(context_, executor_, nodes.size(), kNodesAtOnce,
                                 [&](size_t begin, size_t end) -> Status {
                                   IndexSearch search(index_);
                                   return look(search, std::span(nodes).subspan(begin, end - begin),
                                               found[begin / kNodesAtOnce]);
                                 }));
    std::vector<Lost> all;
    for (std::vector<Lost>& piece : found)
      for (Lost& each : piece) all.push_back(std::move(each));
    return all;
  }

  Status look(IndexSearch& search, std::span<const uint32_t> nodes, std::vector<Lost>& lost) {
    std::vector<uint32_t> of_nodes;
    for (const uint32_t node : nodes) of_nodes.push_back(node_rows_[node]);
    rows_.will_need(of_nodes);
    for (const uint32_t node : nodes) {
      VIRIDIAN_TRY(const float norm, rows_.norm(node_rows_[node]));
      VIRIDIAN_TRY(const float* const vector, rows_.vector(node_rows_[node]));
      search.assign_row(vector, norm);
      const auto found = search.walk(kProofBreadth);
      if (std::any_of(found.begin(), found.end(),
                      [&](uint64_t each) { return GraphSearch::row_of(each) == node; }))
        continue;
      Lost& each = lost.emplace_back(Lost{node, {}});
      for (const uint64_t other : found) each.instead.push_back(GraphSearch::row_of(other));
    }
    return ok_status();
  }

  /// Into slots that hold the node itself, of which there are some by intent.
  void link(const Lost& lost) {
    const size_t degree = index_.header().degree;
    size_t done = 0;
    for (const uint32_t from : lost.instead) {
      if (done == kNewLinks) return;
      const auto slots = links_.subspan(from * degree, degree);
      if (std::find(slots.begin(), slots.end(), lost.node) != slots.end()) continue;
      const auto slot = std::find(slots.begin(), slots.end(), from);
      if (slot == slots.end()) continue;
      *slot = lost.node;
      ++done;
    }
  }

  const Context& context_;
  const GraphIndex& index_;
  std::span<const uint32_t> node_rows_;
  const RowSource& rows_;
  std::span<uint32_t> links_;
  Executor& executor_;
};

}  // namespace

Result<std::vector<uint32_t>> make_reachable(const Context& context, const GraphIndex& index,
                                             std::span<const uint32_t> node_rows,
                                             const RowSource& rows, std::span<uint32_t> links,
                                             Executor& executor) {
  return Prover(context, index, node_rows, rows, links, executor).run();
}

}  // namespace viridian::index
