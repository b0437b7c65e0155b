#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/node_set.h"
#include "index/records.h"

namespace viridian::index {

/// A graph and the codes of its rows, as they lie in memory or in a file.
struct GraphView {
  const RecordCoder* coder = nullptr;
  size_t rows = 0;
  uint32_t degree = 0;
  const uint8_t* records = nullptr;        ///< rows * coder->bytes(), at a multiple of 64 bytes
  const uint32_t* neighbours = nullptr;    ///< rows * degree
  std::span<const uint32_t> entries;       ///< rows to start from
  const uint8_t* entry_records = nullptr;  ///< theirs, one after the other
};

struct WalkCounts {
  uint64_t hops = 0;       ///< rows whose neighbours were looked at
  uint64_t distances = 0;  ///< estimated
};

/// Says how broad a walk has to be of which not all that it finds counts.
class WalkGuide {
 public:
  virtual ~WalkGuide() = default;
  /// Whether that counts, as walk() packs it.
  virtual bool counts(uint64_t found) const = 0;
  /// The breadth that would do, if of the nearest `found` so many count; 0: no walk is worth it.
  virtual size_t breadth(size_t found, size_t counted) const = 0;
};

/// Best-first search over a graph: from the nearest entries, always on to the neighbours of the
/// nearest row that was not yet left, until the `breadth` nearest found have all been left. One
/// thread at a time; reused, it allocates nothing.
class GraphSearch {
 public:
  /// `view` must outlive this.
  explicit GraphSearch(const GraphView& view);

  /// What is to be searched for from now on, of the coder's dimension.
  void assign(const float* query) { query_.assign(query); }
  /// The nearest rows found, at most `breadth`, as estimated squared distance (but for the query's
  /// own length) and row packed together, ascending; valid until the next call. A walk of a greater
  /// breadth looks at every row that one of a smaller breadth looks at.
  std::span<const uint64_t> walk(size_t breadth);
  /// The same in steps, so that several walks can take turns, each while others wait for memory:
  /// begin(), step() until it says that there is no more to do, found().
  void begin(size_t breadth);
  bool step();
  std::span<const uint64_t> found() const noexcept { return {pool_.data(), size_}; }
  /// The same of a breadth that follows from what it finds; `likely` is about twice that. Empty
  /// where the guide gave up.
  std::span<const uint64_t> walk(const WalkGuide& guide, size_t room);
  /// The nearest `keep` of these rows, as by walk(): looks at all of them.
  std::span<const uint64_t> scan(const NodeSet& rows, size_t keep);
  /// The next walk acts as if that row were not there.
  void hide(uint32_t row);
  /// Packed as by walk(), in the order of `rows`.
  void estimate(std::span<const uint32_t> rows, std::vector<uint64_t>& out);
  const WalkCounts& counts() const noexcept { return counts_; }

  /// As walk() packs them.
  static uint64_t packed(float distance, uint32_t row) noexcept;
  static uint32_t row_of(uint64_t found) noexcept { return static_cast<uint32_t>(found) >> 1; }
  static float distance_of(uint64_t found) noexcept;

 private:
  static constexpr uint64_t kLeft = 1;

  void enter();
  void enter_all();
  size_t unseen(uint64_t found);
  void score(size_t count);
  void insert(uint64_t found);
  void prefetch_links(size_t from, size_t count) const;
  void look_ahead() const;
  const uint32_t* neighbours_of(uint64_t found) const noexcept {
    return view_.neighbours + size_t{row_of(found)} * view_.degree;
  }
  size_t next_unleft(size_t from) const noexcept;
  bool see(uint32_t row) noexcept;
  void forget_seen();
  void walk_to(size_t limit);
  void keep_nearest(size_t keep);

  const GraphView& view_;
  RecordQuery query_;
  size_t breadth_ = 0;
  std::vector<uint64_t>
      pool_;  ///< ascending: distance in a sortable form, row, whether it was left
  size_t size_ = 0;
  bool entered_all_ = false;
  size_t asked_for_ = 0;  ///< rows in fresh_ whose distances are to be computed
  size_t current_ = 0;    ///< no row before it in pool_ is to be left still
  float bound_ = 0;       ///< what is farther is not inserted
  std::vector<uint64_t> seen_;
  std::vector<uint32_t> touched_;  ///< words of seen_, where there are many
  std::vector<uint32_t> fresh_;
  std::vector<const uint8_t*> records_;
  std::vector<float> distances_;
  WalkCounts counts_;
};

}  // namespace viridian::index
