#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "segment/stable_array.h"

namespace viridian::segment {

/// Finds the rows of a head by a hash, newest first. One thread inserts while others look up,
/// without locks: a table never changes but for its buckets' first links, and a larger table is
/// built aside. Old tables live as long as the index (together they are smaller than the newest).
class RowIndex {
 public:
  RowIndex();
  RowIndex(const RowIndex&) = delete;
  RowIndex& operator=(const RowIndex&) = delete;

  /// Adds the next row: the first call adds row 0, and so on.
  void push_back(uint64_t hash);

  /// The newest row with this hash for which `matches(row)` holds.
  template <class F>
  std::optional<uint32_t> find(uint64_t hash, F&& matches) const {
    const Table* table = table_.load(std::memory_order_acquire);
    uint32_t link = table->buckets[hash & table->mask].load(std::memory_order_acquire);
    while (link != 0) {
      const uint32_t row = link - 1;
      if (hashes_[row] == hash && matches(row)) return row;
      link = table->next[row];
    }
    return std::nullopt;
  }
  uint64_t hash(uint32_t row) const { return hashes_[row]; }
  size_t bytes() const noexcept { return bytes_; }

 private:
  /// Links are row + 1; 0 ends a chain.
  struct Table {
    explicit Table(size_t capacity);
    void link(uint64_t hash, uint32_t row);
    size_t mask;
    std::unique_ptr<std::atomic<uint32_t>[]> buckets;
    std::unique_ptr<uint32_t[]> next;
  };
  void grow(size_t capacity);

  StableArray<uint64_t> hashes_;
  uint32_t rows_ = 0;
  std::vector<std::unique_ptr<Table>> tables_;
  std::atomic<const Table*> table_;
  size_t bytes_ = 0;
};

}  // namespace viridian::segment
