#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/stopwatch.h"
#include "segment/condition.h"
#include "viridian/base/context.h"
#include "viridian/model/plan.h"
#include "viridian/model/where.h"

namespace viridian::segment {

/// What was expected of a condition, and what was done for it.
struct ConditionWork {
  enum class Way : uint8_t {
    tree,      ///< it consists of others
    lists,     ///< by lists of rows for each value
    trigrams,  ///< by the rows that have the trigrams of a text, which are then looked at
    rows,      ///< by looking at rows
  };
  uint64_t among = 0, at_most = 0, found = 0, looked_at = 0, nanoseconds = 0;
  double cost = 0;                   ///< nanoseconds
  std::array<uint64_t, 4> blocks{};  ///< answered in each of the ways
};

/// The same for all conditions of a filter, in one block of rows. For one thread.
class BlockWork {
 public:
  using Numbers = std::unordered_map<const Condition*, size_t>;
  /// Of which conditions; must outlive it.
  explicit BlockWork(const Numbers& numbers) : numbers_(numbers), conditions_(numbers.size()) {}

  ConditionWork& of(const Condition& condition) { return conditions_[numbers_.at(&condition)]; }
  const std::vector<ConditionWork>& conditions() const noexcept { return conditions_; }

  /// In a block without an index, where the filter is asked as a whole.
  ConditionWork unindexed;

 private:
  const Numbers& numbers_;
  std::vector<ConditionWork> conditions_;
};

/// Tells how a filter was answered, for a call that wants to know (Context::trace()): the
/// conditions as a tree, with what was done for each in all blocks together. For one thread.
class FilterTrace {
 public:
  /// Null where nobody wants to know. The filter and what it was made of outlive it.
  static std::unique_ptr<FilterTrace> of(const Context& context, const Where& where,
                                         const Condition& filter);

  std::unique_ptr<BlockWork> begin_block() const { return std::make_unique<BlockWork>(numbers_); }
  /// Of a block that was planned, and run unless it was plain that it has no rows.
  void add(const BlockWork& block);
  /// So many rows were found in blocks, of which so many count for the reader.
  void add_visible(uint64_t found, uint64_t visible, uint64_t nanoseconds);
  /// `found`: records; `blocks`: how many there were to search.
  void finish(PlanTrace& trace, uint64_t found, uint64_t blocks) const;

 private:
  /// A condition of the tree.
  struct Node {
    const Where* where = nullptr;
    std::vector<size_t> children;
    ConditionWork work;
  };

  size_t add_node(const Where& where, const Condition& condition);
  PlanStep step_of(const Node& node, int depth) const;

  BlockWork::Numbers numbers_;
  std::vector<Node> nodes_;  ///< the root first
  ConditionWork unindexed_, visible_;
  uint64_t blocks_ = 0;
  Stopwatch since_;
};

}  // namespace viridian::segment
