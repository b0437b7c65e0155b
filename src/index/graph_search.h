#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/node_set.h"
#include "index/records.h"
#include "viridian/base/context.h"

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
  /// See RecordQuery.
  float own() const noexcept { return query_.own(); }
  /// From now on walks and scans end too early as soon as the context has ended, which is looked at
  /// so seldom that most walks never do. It outlives them; null: they go on.
  void stop_with(const Context* context) noexcept { context_ = context; }
  /// Whether the last walk or scan ended too early: what it found is not all there is.
  bool stopped() const noexcept { return stopped_; }
  /// The nearest rows found, at most `breadth`, as estimated squared distance (but for the query's
  /// own length) and row packed together, ascending; valid until the next call. A walk of a greater
  /// breadth looks at every row that one of a smaller breadth looks at.
  std::span<const uint64_t> walk(size_t breadth);
  /// The same of a breadth that follows from what it finds; `room`, about twice of what that is
  /// likely to be, saves it from beginning anew. Empty where the guide gave up.
  std::span<const uint64_t> walk(const WalkGuide& guide, size_t room);
  /// Whether walk(breadth) finds that row, for which the query is its own vector. Stops as soon as
  /// that is certain: when it is found, and the next nearest is farther than it by more than
  /// `clear`, so that not so many can be as near that they push it out.
  bool finds(uint32_t row, size_t breadth, float clear);
  /// Whether the row is among those found.
  static bool contains(std::span<const uint64_t> found, uint32_t row);
  /// What the last walk had found when it ended, as walk().
  std::span<const uint64_t> found() const noexcept { return {pool_.data(), size_}; }
  /// The rows whose neighbours the last walk looked at, in that order.
  std::span<const uint32_t> left() const noexcept { return left_; }
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
  static constexpr uint32_t kNone = UINT32_MAX;
  /// What was asked for, or is known.
  enum class Stage : uint8_t { links, records, distances };
  /// A row that is left, now or probably soon. What is done before its turn only spares waiting: it
  /// changes neither which rows are left nor their order.
  struct Visit {
    uint32_t row = kNone;
    Stage stage = Stage::links;
    uint64_t asked = 0;  ///< the turn when its links were asked for
    uint64_t used = 0;   ///< the last turn when it was among the next
    size_t count = 0;    ///< rows that are linked and were not seen
    std::vector<uint32_t> rows;
    std::vector<const uint8_t*> records;
    std::vector<float> distances;
  };

  void begin(size_t breadth);
  void enter();
  void enter_all();
  bool choose();
  Visit& visit_current();
  Visit& visit_of(uint64_t found);
  void collect(Visit& visit) const noexcept;
  void ask_for_records(const Visit& visit) const noexcept;
  void expect(uint64_t found);
  void compute(Visit& visit, const Visit* then) const;
  void leave(Visit& visit);
  void insert(uint64_t found);
  const uint32_t* links_of(uint32_t row) const noexcept {
    return view_.neighbours + size_t{row} * view_.degree;
  }
  size_t next_unleft(size_t from) const noexcept;
  bool see(uint32_t row);
  void forget_seen();
  void walk_to(size_t limit);
  bool must_stop();
  void keep_nearest(size_t keep);

  const GraphView& view_;
  RecordQuery query_;
  const Context* context_ = nullptr;
  bool stopped_ = false;
  size_t breadth_ = 0;  ///< at most as many as there are rows
  /// Ascending: distance in a sortable form, row, whether it was left.
  std::vector<uint64_t> pool_;
  size_t size_ = 0;
  bool entered_all_ = false;
  size_t current_ = 0;   ///< no row before it in pool_ is to be left still
  float bound_ = 0;      ///< what is farther is not inserted
  uint64_t second_ = 0;  ///< what is to be left after the current one, unless it leads to a nearer
  std::array<Visit, 6> visits_;
  uint64_t turn_ = 0;
  std::vector<uint64_t> seen_;
  std::vector<uint32_t> touched_;  ///< words of seen_
  std::vector<uint32_t> left_;
  std::vector<uint64_t> near_;
  std::vector<const uint8_t*> records_;
  std::vector<float> distances_;
  WalkCounts counts_;
};

}  // namespace viridian::index
