#pragma once
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/filter_size.h"
#include "segment/index_choice.h"
#include "segment/key_dictionary.h"
#include "segment/metadata_row.h"
#include "viridian/base/result.h"
#include "viridian/model/where.h"

namespace viridian::segment {

/// Compares mathematically, without rounding either side; unordered where `b` is NaN.
std::partial_ordering compare_numbers(int64_t a, double b) noexcept;

struct Condition;

/// A Where made ready for many rows of one segment: keys are numbers, regular expressions are
/// compiled, lists are sorted. The Where must outlive it. Matching is thread-safe.
class Filter {
 public:
  static constexpr size_t kMaxDepth = 1000;
  static constexpr size_t kMaxConditions = 100'000;

  ///   invalid_argument  a regular expression does not compile, or not into its share of the memory
  ///                     for those of a filter; the tree is deeper than kMaxDepth or has more than
  ///                     kMaxConditions; or an operator has operands it does not take
  static Result<Filter> compile(const Where& where, const KeyDictionary& keys,
                                const IndexChoice& choice);
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;
  ~Filter();

  bool matches(const RowView& row) const;
  const Condition& root() const noexcept { return *root_; }
  const FilterSize& size() const noexcept { return size_; }

 private:
  Filter(std::unique_ptr<const Condition> root, const FilterSize& size);

  std::unique_ptr<const Condition> root_;
  FilterSize size_;
};

}  // namespace viridian::segment
