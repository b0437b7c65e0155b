#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "inverted/columns.h"
#include "postings/row_set.h"
#include "segment/condition.h"
#include "segment/filter_trace.h"
#include "segment/row_blocks.h"
#include "text/trigram_index.h"

namespace viridian::segment {

/// The rows of a block by their numbers in it. A row is read only where the index does not decide.
using BlockRows = std::function<Result<RowView>(postings::Row, RowPart)>;

/// What is known of a block's rows.
struct BlockIndex {
  inverted::Columns columns;
  std::optional<text::TrigramIndex> trigrams;  ///< unset: documents are not indexed
  bool packed = false;                         ///< the rows are compressed

  ///   data_loss  it is damaged, or of other rows
  static Result<BlockIndex> open(const RowBlock& block);
};

/// How a filter's condition finds the rows of one block: by the index's lists, whose lengths are
/// known beforehand, the shortest first; and where few rows are left, or the index does not decide,
/// by looking at the rows themselves. What it refers to must outlive it.
class BlockPlan {
 public:
  /// Of looking at a row that is not compressed, as cost().
  static constexpr double kRowCost = 150;

  static Result<BlockPlan> make(const Condition& condition, const BlockIndex& index);

  /// Of run(), in nanoseconds of one processor, about.
  double cost() const noexcept { return cost_; }
  /// Rows that it gives, at most.
  uint32_t at_most() const noexcept { return at_most_; }
  /// `work`, where it is not null, is told what is done. `doubtful`, where it is not null, is set
  /// if more rows than the condition selects may be given, since many documents are in doubt.
  Result<postings::RowSet> run(const BlockRows& rows, BlockWork* work = nullptr,
                               bool* doubtful = nullptr) const {
    return run(Run{rows, work, doubtful}, nullptr);
  }
  /// Tells what is expected of each condition.
  void expect(BlockWork& work) const;

 private:
  using Way = ConditionWork::Way;
  struct Run {
    const BlockRows& rows;
    BlockWork* work;
    bool* doubtful;
  };
  /// Rows that have some values of a column.
  struct Slice {
    inverted::Column column;
    inverted::ValueRange range;
    bool certain;  ///< else the rows may, or may not, be what is meant
  };
  class Finder;

  BlockPlan(const Condition& condition, const BlockIndex& index);
  Status plan_children(const BlockIndex& index);
  Status plan_slices(const BlockIndex& index);
  Status plan_text(const text::TrigramIndex& trigrams);
  bool is_tree() const noexcept;
  Way way(const postings::RowSet* among) const noexcept;
  /// Rows that are in `among`, where it is not null.
  Result<postings::RowSet> run(const Run& run, const postings::RowSet* among) const;
  Result<postings::RowSet> answer(const Run& run, Way way, const postings::RowSet* among) const;
  Result<postings::RowSet> run_tree(const Run& run, const postings::RowSet* among) const;
  Result<postings::RowSet> run_slices(const Run& run) const;
  Result<postings::RowSet> run_text(const Run& run, const postings::RowSet* among) const;
  /// Which rows of those the condition's complement is not true of.
  Result<postings::RowSet> holding(const Run& run, postings::RowSet among) const;
  Result<postings::RowSet> look_at(const Run& run, const postings::RowSet& among) const;

  const Condition* condition_;
  uint32_t rows_;
  double row_cost_;
  bool indexed_ = true;
  std::vector<Slice> slices_;
  const text::TrigramIndex* trigrams_ = nullptr;  ///< set: the condition is of documents
  std::vector<BlockPlan> children_;               ///< of `all`: those that leave least first
  uint32_t at_most_ = 0;
  double cost_ = 0;
};

}  // namespace viridian::segment
