#pragma once
#include <span>
#include <vector>

#include "segment/value_blocks.h"

namespace viridian::segment {

/// A value in all blocks that have it.
struct ValueGroup {
  struct Slice {
    const ValueBlock* block;
    const inverted::Column* column;
    uint32_t value;  ///< its number in the column
    Result<postings::RowSet> rows() const { return column->rows({value, value + 1}); }
  };
  RowValue value;
  bool whole = true;  ///< else: all texts that begin so
  std::vector<Slice> slices;
  uint64_t rows = 0;  ///< of all slices together, whether they may be seen or not
};

/// Whether the elements of arrays count as values.
enum class Elements : uint8_t { left_out, included };

/// The values of one key in blocks of rows, in the order of SortKey or the other way round: merges
/// the blocks' columns. The blocks outlive it.
class ValueMerge {
 public:
  struct Options {
    Elements elements = Elements::left_out;
    bool descending = false;
    const RowValue* from = nullptr;  ///< the first value that is wanted, if any
  };
  static Result<ValueMerge> open(std::span<const ValueBlock> blocks, uint32_t key,
                                 const Options& options);

  /// The next value; null after the last one. It holds until the next call.
  Result<const ValueGroup*> next();

 private:
  struct Run {
    const ValueBlock* block;
    inverted::Column column;
    uint32_t first, last;  ///< values that are left
    RowValue value;        ///< the next of them
  };

  explicit ValueMerge(bool descending) : descending_(descending) {}
  Status add(const ValueBlock& block, const inverted::Column& column, const RowValue* from);
  uint32_t at(const Run& run) const noexcept { return descending_ ? run.last - 1 : run.first; }
  Status read(Run& run) const;
  void push(uint32_t run);
  uint32_t pop();
  bool later(uint32_t a, uint32_t b) const noexcept;

  bool descending_;
  std::vector<Run> runs_;
  std::vector<uint32_t> heap_;     ///< of runs that are not at their ends
  std::vector<uint32_t> current_;  ///< those of the group
  ValueGroup group_;
};

}  // namespace viridian::segment
