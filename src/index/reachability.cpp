#include "index/reachability.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "index/index_builder.h"
#include "index/parallel.h"

namespace viridian::index {
namespace {

constexpr size_t kNodesAtOnce = 1024;
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
         const RowSource& rows, size_t breadth, std::span<uint32_t> links, Executor& executor)
      : context_(context),
        index_(index),
        node_rows_(node_rows),
        rows_(rows),
        breadth_(breadth),
        links_(links),
        executor_(executor) {}

  Result<std::vector<uint32_t>> run() {
    std::vector<uint32_t> all(node_rows_.size());
    std::iota(all.begin(), all.end(), 0U);
    VIRIDIAN_TRY(const Walks first, walk_all(all, true));
    std::vector<Lost> lost = first.lost();
    changed_.assign(node_rows_.size(), false);
    for (const Lost& each : lost) changed_[each.node] = true;
    for (bool better = true; better && !lost.empty();) {
      for (const Lost& each : lost) link(each);
      VIRIDIAN_TRY(const Walks again, walk_all(nodes_of(lost), false));
      std::vector<Lost> still = again.lost();
      better = still.size() < lost.size();
      lost = std::move(still);
    }
    // A new link may have led a walk that found its node elsewhere; all others go as they went.
    VIRIDIAN_TRY(const Walks last, walk_all(first.through(changed_), false));
    return nodes_of(last.lost());
  }

 private:
  /// Of some nodes, a piece of them after the other.
  class Walks {
   public:
    struct Piece {
      std::vector<Lost> lost;
      std::vector<uint32_t> nodes;
      std::vector<uint32_t> left;  ///< the rows that their walks left, one walk's after the other
      std::vector<size_t> ends;    ///< of each walk's in `left`
    };
    explicit Walks(size_t pieces) : pieces_(pieces) {}
    Piece& piece(size_t i) { return pieces_[i]; }

    std::vector<Lost> lost() const {
      std::vector<Lost> all;
      for (const Piece& piece : pieces_)
        all.insert(all.end(), piece.lost.begin(), piece.lost.end());
      return all;
    }
    /// The nodes that are among `changed`, or whose walks left one that is.
    std::vector<uint32_t> through(const std::vector<bool>& changed) const {
      std::vector<uint32_t> nodes;
      for (const Piece& piece : pieces_) {
        size_t at = 0;
        for (size_t i = 0; i < piece.nodes.size(); ++i) {
          bool any = changed[piece.nodes[i]];
          for (; at < piece.ends[i]; ++at) any = any || changed[piece.left[at]];
          if (any) nodes.push_back(piece.nodes[i]);
        }
      }
      return nodes;
    }

   private:
    std::vector<Piece> pieces_;
  };

  static std::vector<uint32_t> nodes_of(const std::vector<Lost>& lost) {
    std::vector<uint32_t> nodes;
    for (const Lost& each : lost) nodes.push_back(each.node);
    return nodes;
  }

  /// keep: also the rows that the walks left.
  Result<Walks> walk_all(const std::vector<uint32_t>& nodes, bool keep) {
    Walks walks((nodes.size() + kNodesAtOnce - 1) / kNodesAtOnce);
    VIRIDIAN_TRY_VOID(for_pieces(context_, executor_, nodes.size(), kNodesAtOnce,
                                 [&](size_t begin, size_t end) -> Status {
                                   IndexSearch search(index_);
                                   return walk(search, std::span(nodes).subspan(begin, end - begin),
                                               keep, walks.piece(begin / kNodesAtOnce));
                                 }));
    return walks;
  }

  Status walk(IndexSearch& search, std::span<const uint32_t> nodes, bool keep,
              Walks::Piece& piece) {
    std::vector<uint32_t> of_nodes;
    for (const uint32_t node : nodes) of_nodes.push_back(node_rows_[node]);
    rows_.will_need(of_nodes);
    for (const uint32_t node : nodes) {
      VIRIDIAN_TRY(const float norm, rows_.norm(node_rows_[node]));
      VIRIDIAN_TRY(const float* const vector, rows_.vector(node_rows_[node]));
      search.assign_row(vector, norm);
      bool found = search.finds(node, breadth_);
      if (keep) piece.left.insert(piece.left.end(), search.left().begin(), search.left().end());
      // There a query is not where a row of the same vector is.
      if (found && static_cast<Space>(index_.header().space) == Space::ip &&
          search.assign(vector)) {
        found = GraphSearch::contains(search.walk(breadth_), node) || only_nearer(search, node);
        if (keep) piece.left.insert(piece.left.end(), search.left().begin(), search.left().end());
      }
      if (keep) {
        piece.nodes.push_back(node);
        piece.ends.push_back(piece.left.size());
      }
      if (found) continue;
      Lost& each = piece.lost.emplace_back(Lost{node, {}});
      for (const uint64_t other : search.found())
        each.instead.push_back(GraphSearch::row_of(other));
    }
    return ok_status();
  }

  /// Whether all that the walk found is nearer than the node.
  bool only_nearer(IndexSearch& search, uint32_t node) const {
    std::vector<uint64_t> own;
    search.estimate(std::span(&node, 1), own);
    const auto found = search.found();
    return found.size() == breadth_ && found.back() < own.front();
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
      changed_[from] = true;
      ++done;
    }
  }

  const Context& context_;
  const GraphIndex& index_;
  std::span<const uint32_t> node_rows_;
  const RowSource& rows_;
  const size_t breadth_;
  std::span<uint32_t> links_;
  Executor& executor_;
  std::vector<bool> changed_;  ///< by node: its links, or it was lost
};

}  // namespace

Result<std::vector<uint32_t>> make_reachable(const Context& context, const GraphIndex& index,
                                             std::span<const uint32_t> node_rows,
                                             const RowSource& rows, size_t breadth,
                                             std::span<uint32_t> links, Executor& executor) {
  return Prover(context, index, node_rows, rows, breadth, links, executor).run();
}

}  // namespace viridian::index
