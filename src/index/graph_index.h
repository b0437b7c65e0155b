#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "index/graph_search.h"
#include "index/point_map.h"
#include "index/records.h"
#include "index/twins.h"
#include "os/large_array.h"

namespace viridian::index {

/// How much work a search does.
struct Effort {
  size_t breadth = 0;  ///< of the walk; 0: only reading everything is certain to do
  size_t refine = 0;   ///< the nearest by estimate that are estimated more finely
  size_t exact = 0;    ///< the nearest of these, of which exact distances are computed
};

/// What it took to find this share of the nearest rows of queries that were tried.
struct Level {
  float recall = 0;
  std::array<uint32_t, 2> breadth{};  ///< for each of kLevelNearest; 0: none was enough
};
inline constexpr std::array<uint32_t, 2> kLevelNearest = {10, 100};
inline constexpr std::array<float, 6> kLevelRecalls = {0.9F, 0.95F, 0.98F, 0.99F, 0.995F, 0.999F};

/// What an index says of itself (docs/file-formats.md).
struct IndexHeader {
  static constexpr uint32_t kVersion = 1;
  uint32_t version = kVersion;
  uint32_t space = 0;
  uint32_t dim = 0;  ///< of vectors
  uint32_t bits = 0;
  uint32_t fine_bits = 0;  ///< 0: there are no finer records
  uint32_t degree = 0;
  uint32_t rows = 0;
  uint32_t nodes = 0;  ///< rows that are in the graph
  float scale = 1, radius = 0;
  std::array<uint32_t, 2> refine{}, exact{};  ///< for each of kLevelNearest; see Effort
  /// Ascending; a walk of the first one's breadth, with less than which nobody walks, is broad
  /// enough for find_all_own() to find every node that is not apart by its own vector.
  std::array<Level, kLevelRecalls.size()> levels{};
  uint32_t distances = 0;  ///< that a walk for recall 0.95 of 10 computed, on average
};
static_assert(sizeof(IndexHeader) == 60 + 72);

/// What an index is made of, as it lies in memory or in a file.
struct IndexArrays {
  static constexpr uint32_t kNoNode = UINT32_MAX;

  IndexHeader header;
  std::span<const float> centre;
  std::span<const uint8_t> records;    ///< a record per node; at a multiple of 64 bytes
  std::span<const uint8_t> fine;       ///< a finer record per node
  std::span<const uint32_t> links;     ///< header.degree nodes per node
  std::span<const uint32_t> entries;   ///< nodes that walks start from
  std::span<const uint32_t> nodes_of;  ///< per row its node, or that of its twin, or kNoNode
  std::span<const uint32_t> apart;     ///< rows that every search looks at, ascending
  std::span<const Twin> twins;         ///< ascending
};

/// A row of the graph, which may stand for several.
struct FoundRow {
  uint32_t row = 0;
  bool has_twins = false;
  bool apart = false;  ///< among those that are always looked at, since walks may not find it
};

/// Beside the row's number in the tail of a record: see FoundRow.
inline constexpr uint32_t kHasTwins = uint32_t{1} << 31, kApart = uint32_t{1} << 30;
inline constexpr uint32_t kMostRows = kApart;

inline FoundRow found_row(const simd::RecordTail& tail) noexcept {
  return {tail.row & ~(kHasTwins | kApart), (tail.row & kHasTwins) != 0, (tail.row & kApart) != 0};
}

class IndexSearch;

/// An index of vectors: which rows may be the nearest to a query. Immutable, so thread-safe.
class GraphIndex {
 public:
  /// The arrays must outlive it.
  ///   data_loss  they do not fit each other, or name what is not there
  static Result<std::unique_ptr<GraphIndex>> open(const IndexArrays& arrays);
  /// For open() only.
  explicit GraphIndex(const IndexArrays& arrays);

  const IndexArrays& arrays() const noexcept { return arrays_; }
  const IndexHeader& header() const noexcept { return arrays_.header; }
  /// What finds this share of the `nearest` rows.
  Effort effort(double recall, size_t nearest) const;
  /// Whether the row, or the first one with its vector, is among the rows apart.
  bool is_apart(uint32_t row) const;
  /// The other rows with the vector of this one, which is the first of them.
  std::span<const Twin> twins_of(uint32_t first) const;

  /// A search that nobody else uses, to be given back when it is over.
  std::unique_ptr<IndexSearch> take_search() const;
  void give_back(std::unique_ptr<IndexSearch> search) const;

 private:
  friend class IndexSearch;
  FoundRow row_of_node(uint32_t node) const noexcept;

  IndexArrays arrays_;
  PointMap map_;
  RecordCoder coder_;
  std::optional<RecordCoder> fine_coder_;
  os::LargeArray<uint8_t> entry_records_;
  GraphView view_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<IndexSearch>> idle_;
};

/// One query at a time; reused, it allocates nothing.
class IndexSearch {
 public:
  explicit IndexSearch(const GraphIndex& index);
  /// What is to be searched for from now on. False: no walk can tell what is near to it, so all has
  /// to be read.
  bool assign(const float* vector);
  /// The point of a row that has one.
  void assign_row(const float* vector, float norm);
  /// See GraphSearch; of nodes.
  void stop_with(const Context* context) noexcept { search_.stop_with(context); }
  bool stopped() const noexcept { return search_.stopped(); }
  std::span<const uint64_t> walk(size_t breadth) { return search_.walk(breadth); }
  /// Whether walk(breadth) finds that node, for which assign_row() was called, and it may_be_own();
  /// or a broader walk does, where all that one of half its breadth finds may be as well.
  bool finds(uint32_t node, size_t breadth);
  std::span<const uint64_t> walk(const WalkGuide& guide, size_t room) {
    return search_.walk(guide, room);
  }
  std::span<const uint64_t> scan(const NodeSet& nodes, size_t keep) {
    return search_.scan(nodes, keep);
  }
  std::span<const uint64_t> found() const noexcept { return search_.found(); }
  std::span<const uint32_t> left() const noexcept { return search_.left(); }
  void hide(uint32_t node) { search_.hide(node); }
  void estimate(std::span<const uint32_t> nodes, std::vector<uint64_t>& out) {
    search_.estimate(nodes, out);
  }
  /// The first `count` of `found`, which ascends, ascending by finer estimates where there are any;
  /// valid until the next call.
  std::span<const uint64_t> refine(std::span<const uint64_t> found, size_t count);
  /// Whether that may have the query's own vector, for all that estimates can tell, finer ones
  /// too; of what ascends, the first do. Never in Space::ip.
  bool may_be_own(uint64_t found) const noexcept {
    return GraphSearch::distance_of(found) <= search_.own();
  }
  /// Whether as many as half of `most` rows of a list of at most as many may_be_own(): it may leave
  /// out the one that is.
  bool is_crowded(std::span<const uint64_t> found, size_t most) const noexcept {
    const size_t half = std::max<size_t>(1, most / 2);
    return found.size() >= half && may_be_own(found[half - 1]);
  }
  /// What find(most) finds, a list of at most so many, or of more while it is crowded. So a walk
  /// that is at least as broad as one that finds() each node by its own vector leaves none out.
  template <class Find>
  std::span<const uint64_t> find_all_own(size_t most, Find&& find) {
    std::span<const uint64_t> found = find(most);
    while (found.size() == most && is_crowded(found, most)) found = find(most *= 4);
    return found;
  }
  FoundRow row_of(uint64_t found) const noexcept;
  const WalkCounts& counts() const noexcept { return search_.counts(); }

 private:
  const GraphIndex& index_;
  GraphSearch search_;
  std::vector<float> point_;
  std::optional<RecordQuery> fine_query_;
  bool fine_assigned_ = false;
  std::vector<const uint8_t*> fine_records_;
  std::vector<float> fine_distances_;
  std::vector<uint64_t> refined_, own_;
};

}  // namespace viridian::index
