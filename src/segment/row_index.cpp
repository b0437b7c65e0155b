#include "segment/row_index.h"

namespace viridian::segment {
namespace {
constexpr size_t kFirstCapacity = 64;
}  // namespace

RowIndex::Table::Table(size_t capacity)
    : mask(capacity - 1),
      buckets(std::make_unique<std::atomic<uint32_t>[]>(capacity)),
      next(std::make_unique<uint32_t[]>(capacity)) {}

void RowIndex::Table::link(uint64_t hash, uint32_t row) {
  std::atomic<uint32_t>& bucket = buckets[hash & mask];
  next[row] = bucket.load(std::memory_order_relaxed);
  bucket.store(row + 1, std::memory_order_release);
}

RowIndex::RowIndex() { grow(kFirstCapacity); }

void RowIndex::grow(size_t capacity) {
  auto table = std::make_unique<Table>(capacity);
  for (uint32_t row = 0; row < rows_; ++row) table->link(hashes_[row], row);
  bytes_ += capacity * (2 * sizeof(uint32_t) + sizeof(uint64_t));
  table_.store(table.get(), std::memory_order_release);
  tables_.push_back(std::move(table));
}

void RowIndex::push_back(uint64_t hash) {
  if (rows_ > tables_.back()->mask) grow(2 * (tables_.back()->mask + 1));
  hashes_.at_grown(rows_) = hash;
  tables_.back()->link(hash, rows_);
  ++rows_;
}

}  // namespace viridian::segment
