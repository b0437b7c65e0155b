#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace viridian::postings {

/// A row of a block, counted from 0.
using Row = uint16_t;
/// Of one block at most.
inline constexpr uint32_t kBlockRows = 65536;

/// One bit per row of a block.
using RowBits = std::array<uint64_t, kBlockRows / 64>;

/// A set of rows of one block: a sorted list while there are few, a bitmap else. Not thread-safe.
class RowSet {
 public:
  /// Beyond so many rows a list takes more memory than a bitmap.
  static constexpr uint32_t kMostListed = 4096;

  RowSet() = default;
  /// The rows from 0 to rows - 1.
  static RowSet first(uint32_t rows);
  /// `rows` ascend, each once.
  static RowSet of(std::vector<Row> rows);
  static RowSet of(std::unique_ptr<RowBits> bits);

  uint32_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  bool contains(Row row) const noexcept;
  friend bool operator==(const RowSet& a, const RowSet& b);

  void unite(const RowSet& other);
  void intersect(const RowSet& other);
  void subtract(const RowSet& other);
  /// All rows below `rows` that were not in it.
  void complement(uint32_t rows);
  /// Keeps those rows for which keep(row) is true; called in ascending order.
  template <class F>
  void filter(F&& keep);
  /// Calls f(row) in ascending order.
  template <class F>
  void for_each(F&& f) const;
  /// Sets the bits of its rows among those of a whole block.
  void add_to(uint64_t* bits) const;

 private:
  void use_bits();
  void use_list_if_small();

  uint32_t size_ = 0;
  std::vector<Row> list_;  ///< where bits_ is null
  std::unique_ptr<RowBits> bits_;
};

/// Calls f(row) for the bits that are set, in ascending order.
template <class F>
void for_each_bit(const RowBits& bits, F&& f) {
  for (size_t word = 0; word < bits.size(); ++word)
    for (uint64_t left = bits[word]; left != 0; left &= left - 1)
      f(static_cast<Row>(word * 64 + static_cast<size_t>(std::countr_zero(left))));
}

template <class F>
void RowSet::filter(F&& keep) {
  if (!bits_) {
    std::erase_if(list_, [&](Row row) { return !keep(row); });
    size_ = static_cast<uint32_t>(list_.size());
    return;
  }
  for_each_bit(*bits_, [&](Row row) {
    if (keep(row)) return;
    (*bits_)[row / 64] &= ~(uint64_t{1} << (row % 64));
    --size_;
  });
  use_list_if_small();
}

template <class F>
void RowSet::for_each(F&& f) const {
  if (bits_) return for_each_bit(*bits_, f);
  for (const Row row : list_) f(row);
}

}  // namespace viridian::postings
