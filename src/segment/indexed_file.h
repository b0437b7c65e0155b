#pragma once
#include <algorithm>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "index/flat.h"
#include "index/graph_index.h"
#include "segment/search_plan.h"
#include "segment/vector_file.h"
#include "viridian/base/context.h"
#include "viridian/model/plan.h"

namespace viridian::segment {

/// One search, for one or more queries, by an index of a file. Thread-safe, one query each.
class IndexedFile {
 public:
  struct Request {
    SeqId at = 0;
    uint32_t k = 0;
    const OffsetSet* allowed = nullptr;
    double recall = 0;
    uint32_t breadth = 0;            ///< of walks, at least
    std::optional<SearchPlan> plan;  ///< instead of the one that promises to be cheapest
  };

  /// The index, one of the file's, is pinned as long as this lives.
  IndexedFile(const VectorFile& file, const FileIndex& index, const Request& request);
  IndexedFile(IndexedFile&&) noexcept;
  ~IndexedFile();

  /// Whether everything has to be read, since no walk is certain enough, or asked for too much.
  bool is_to_be_read() const noexcept { return effort_.breadth == 0; }
  /// Offers the nearest rows to each query to its result: results[i] is that of queries.row(first +
  /// i). Those that it can tell nothing about are added to `unanswered`: all has to be read for
  /// them.
  Status search(const Context& context, const Matrix& queries, size_t first,
                std::span<index::TopK> results, std::vector<size_t>& unanswered) const;
  /// How such a search comes upon that record. Unset: it has no row here that is live.
  Result<std::optional<Searched>> way_to(const Context& context, const float* query,
                                         Offset offset) const;

 private:
  class Guide;
  class Query;
  struct Allowed;

  // Rows are numbered as the index does, from first_ on in the file.
  /// Whether the row is live and allowed.
  bool counts(uint32_t row) const;
  bool any_counts(const index::FoundRow& found) const;
  /// Counts what is allowed, and chooses the plan.
  /// So many nearest that nothing is known of how broad a walk for them has to be.
  bool is_beyond_calibration() const noexcept { return request_.k > index::kLevelNearest.back(); }
  void choose();
  SearchPlanner::Input planner_input() const;
  /// The step of a plan that a search is, with what is known of it beforehand.
  PlanStep expected() const;
  /// Calls use(rows), a Status, with some at a time of those that are live and allowed.
  template <class Use>
  Status for_each_allowed(const Context& context, Use&& use) const;
  Result<const index::NodeSet*> allowed(const Context& context) const;

  const VectorFile& file_;
  const OpenedIndex& index_;
  const index::GraphIndex& graph_;
  uint32_t first_;
  Request request_;
  std::span<const Offset> offsets_;
  bool dense_ = false;  ///< each offset is one more than that before it
  index::Effort effort_;
  std::optional<SearchPlanner> planner_;  ///< unset: all rows are live and allowed
  SearchPlan plan_ = SearchPlan::walk;
  std::unique_ptr<Allowed> allowed_;
};

}  // namespace viridian::segment
