#include "postings/row_set.h"

#include <algorithm>
#include <utility>

#include "simd/bits.h"

namespace viridian::postings {
namespace {

uint64_t bit_of(Row row) { return uint64_t{1} << (row % 64); }

uint32_t count(const RowBits& bits) {
  return static_cast<uint32_t>(simd::count_bits(bits.data(), bits.size()));
}

}  // namespace

RowSet RowSet::first(uint32_t rows) {
  RowSet set;
  set.complement(rows);
  return set;
}

RowSet RowSet::of(std::vector<Row> rows) {
  RowSet set;
  set.size_ = static_cast<uint32_t>(rows.size());
  set.list_ = std::move(rows);
  if (set.size_ > kMostListed) set.use_bits();
  return set;
}

RowSet RowSet::of(std::unique_ptr<RowBits> bits) {
  RowSet set;
  set.size_ = count(*bits);
  set.bits_ = std::move(bits);
  set.use_list_if_small();
  return set;
}

bool RowSet::contains(Row row) const noexcept {
  if (bits_) return ((*bits_)[row / 64] & bit_of(row)) != 0;
  return std::binary_search(list_.begin(), list_.end(), row);
}

bool operator==(const RowSet& a, const RowSet& b) {
  if (a.size_ != b.size_) return false;
  // Of one size, both are kept in the same way.
  return a.bits_ ? *a.bits_ == *b.bits_ : a.list_ == b.list_;
}

void RowSet::use_bits() {
  if (bits_) return;
  bits_ = std::make_unique<RowBits>();
  for (const Row row : list_) (*bits_)[row / 64] |= bit_of(row);
  list_ = {};
}

void RowSet::use_list_if_small() {
  if (!bits_ || size_ > kMostListed) return;
  list_.reserve(size_);
  for_each_bit(*bits_, [&](Row row) { list_.push_back(row); });
  bits_.reset();
}

void RowSet::unite(const RowSet& other) {
  if (other.empty()) return;
  if (!bits_ && !other.bits_ && size_ + other.size_ <= kMostListed) {
    std::vector<Row> both;
    both.reserve(size_ + other.size_);
    std::set_union(list_.begin(), list_.end(), other.list_.begin(), other.list_.end(),
                   std::back_inserter(both));
    list_ = std::move(both);
    size_ = static_cast<uint32_t>(list_.size());
    return;
  }
  use_bits();
  other.add_to(bits_->data());
  size_ = count(*bits_);
  use_list_if_small();
}

void RowSet::intersect(const RowSet& other) {
  if (bits_ && other.bits_) {
    for (size_t i = 0; i < bits_->size(); ++i) (*bits_)[i] &= (*other.bits_)[i];
    size_ = count(*bits_);
    use_list_if_small();
  } else if (other.bits_ || other.size_ / 16 > size_) {
    filter([&](Row row) { return other.contains(row); });
  } else if (bits_) {
    RowSet kept = RowSet::of(other.list_);
    kept.filter([&](Row row) { return contains(row); });
    *this = std::move(kept);
  } else {
    std::vector<Row> both;
    std::set_intersection(list_.begin(), list_.end(), other.list_.begin(), other.list_.end(),
                          std::back_inserter(both));
    list_ = std::move(both);
    size_ = static_cast<uint32_t>(list_.size());
  }
}

void RowSet::subtract(const RowSet& other) {
  if (bits_ && other.bits_) {
    for (size_t i = 0; i < bits_->size(); ++i) (*bits_)[i] &= ~(*other.bits_)[i];
  } else if (bits_) {
    for (const Row row : other.list_) (*bits_)[row / 64] &= ~bit_of(row);
  } else {
    return filter([&](Row row) { return !other.contains(row); });
  }
  size_ = count(*bits_);
  use_list_if_small();
}

void RowSet::complement(uint32_t rows) {
  use_bits();
  for (size_t word = 0; word < bits_->size(); ++word) {
    const size_t first = word * 64;
    uint64_t all = 0;
    if (first + 64 <= rows)
      all = ~uint64_t{0};
    else if (first < rows)
      all = (uint64_t{1} << (rows - first)) - 1;
    (*bits_)[word] = ~(*bits_)[word] & all;
  }
  size_ = count(*bits_);
  use_list_if_small();
}

void RowSet::add_to(uint64_t* bits) const {
  if (bits_) {
    for (size_t i = 0; i < bits_->size(); ++i) bits[i] |= (*bits_)[i];
  } else {
    for (const Row row : list_) bits[row / 64] |= bit_of(row);
  }
}

}  // namespace viridian::postings
