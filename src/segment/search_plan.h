#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "index/graph_index.h"

namespace viridian::segment {

/// How a file with an index is searched where not all of its rows are live and allowed.
enum class SearchPlan : uint8_t {
  walk,  ///< through the graph, as broad as what it finds says; if that is too broad, one of these:
  scan,  ///< estimates of all allowed rows, then exact distances of the best
  read,  ///< exact distances of all allowed rows
};

/// Chooses the plan of a search, and the breadth of its walk, by what each takes: nanoseconds of
/// one processor of docs/performance.md, about.
class SearchPlanner {
 public:
  struct Input {
    double recall = 0;
    size_t nearest = 0;     ///< how many are to be found
    uint64_t rows = 0;      ///< of the file
    uint64_t allowed = 0;   ///< of these, live and allowed, about
    uint64_t to_check = 0;  ///< rows to look up before it is known which nodes are allowed
    size_t breadth = 0;     ///< of walks, at least
  };
  /// The index must outlive it.
  SearchPlanner(const index::GraphIndex& index, const Input& input);

  SearchPlan plan() const;
  /// That which looks at all allowed rows.
  SearchPlan exhaustive() const;
  /// What a plan takes, a walk if it need not become broader; infinite where it is not known.
  double cost(SearchPlan plan) const;
  /// See index::WalkGuide.
  size_t breadth(size_t found, size_t counted) const;
  /// How broad a walk may become before it had better begin anew: the more, the longer each row
  /// takes.
  size_t room() const;

 private:
  double share() const noexcept;
  size_t breadth_for(double share) const;
  /// Infinite where it is not known.
  double walk_cost(size_t breadth) const;
  /// Of looking closely at the best, beyond what 10 results take; see search_plan.cpp.
  double look_cost(double times) const;
  double scan_cost() const;
  double read_cost() const;
  double exhaustive_cost() const { return std::min(read_cost(), scan_cost()); }

  const index::GraphIndex& index_;
  Input input_;
  index::Effort effort_;
};

}  // namespace viridian::segment
