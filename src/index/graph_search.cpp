#include "index/graph_search.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace viridian::index {
namespace {

constexpr size_t kEntriesAtOnce = 64;
/// Words of bits that are quicker cleared at once than one by one.
constexpr size_t kClearWhole = 16384;
/// Rows to start from: more than one, for a query between two regions.
constexpr size_t kStarts = 2;

void prefetch(const void* from, size_t bytes) noexcept {
  __builtin_prefetch(from);
  for (size_t at = simd::kLineBytes; at < bytes; at += simd::kLineBytes)
    __builtin_prefetch(static_cast<const char*>(from) + at);
}

}  // namespace

// Orders as the floats do, then by row. The last bit tells that the row was left.
uint64_t GraphSearch::packed(float distance, uint32_t row) noexcept {
  const auto bits = std::bit_cast<uint32_t>(distance);
  const uint32_t sortable = (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
  return uint64_t{sortable} << 32 | uint64_t{row} << 1;
}

float GraphSearch::distance_of(uint64_t found) noexcept {
  const auto sortable = static_cast<uint32_t>(found >> 32);
  return std::bit_cast<float>((sortable >> 31) != 0 ? sortable & 0x7fffffffU : ~sortable);
}

GraphSearch::GraphSearch(const GraphView& view)
    : view_(view), query_(*view.coder), seen_((view.rows + 63) / 64) {
  const size_t most = std::max<size_t>(view.degree, kEntriesAtOnce);
  fresh_.resize(most);
  records_.resize(most);
  distances_.resize(most + 3);
}

bool GraphSearch::see(uint32_t row) noexcept {
  uint64_t& word = seen_[row / 64];
  const uint64_t bit = uint64_t{1} << (row % 64);
  const bool fresh = (word & bit) == 0;
  word |= bit;
  return fresh;
}

void GraphSearch::begin(size_t breadth) {
  breadth_ = std::max<size_t>(breadth, 1);
  pool_.resize(std::max(pool_.size(), breadth_ + 1));
  size_ = current_ = asked_for_ = 0;
  entered_all_ = false;
  bound_ = std::numeric_limits<float>::max();
  counts_ = {};
  enter();
}

bool GraphSearch::step() {
  score(asked_for_);
  asked_for_ = 0;
  current_ = next_unleft(current_);
  if (current_ == size_ && size_ < breadth_ && !std::exchange(entered_all_, true)) enter_all();
  if (current_ == size_) {
    forget_seen();
    return false;
  }
  asked_for_ = unseen(pool_[current_]);
  pool_[current_] |= kLeft;
  ++counts_.hops;
  prefetch_links(next_unleft(current_ + 1), 3);
  return true;
}

std::span<const uint64_t> GraphSearch::walk(size_t breadth) {
  begin(breadth);
  while (step()) look_ahead();
  return found();
}

void GraphSearch::hide(uint32_t row) {
  see(row);
  touched_.push_back(row / 64);
}

void GraphSearch::forget_seen() {
  if (seen_.size() <= kClearWhole) {
    std::fill(seen_.begin(), seen_.end(), 0);
  } else {
    for (const uint32_t word : touched_) seen_[word] = 0;
  }
  touched_.clear();
}

void GraphSearch::estimate(std::span<const uint32_t> rows, std::vector<uint64_t>& out) {
  const size_t bytes = view_.coder->bytes();
  out.clear();
  out.reserve(rows.size());
  for (size_t begin = 0; begin < rows.size(); begin += kEntriesAtOnce) {
    const size_t count = std::min(kEntriesAtOnce, rows.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      records_[i] = view_.records + rows[begin + i] * bytes;
      prefetch(records_[i], bytes);
    }
    query_.distances(records_.data(), count, distances_.data());
    for (size_t i = 0; i < count; ++i) out.push_back(packed(distances_[i], rows[begin + i]));
  }
}

void GraphSearch::enter() {
  const size_t bytes = view_.coder->bytes();
  uint64_t best[kStarts];
  std::fill_n(best, kStarts, UINT64_MAX);
  for (size_t begin = 0; begin < view_.entries.size(); begin += kEntriesAtOnce) {
    const size_t count = std::min(kEntriesAtOnce, view_.entries.size() - begin);
    for (size_t i = 0; i < count; ++i) records_[i] = view_.entry_records + (begin + i) * bytes;
    query_.distances(records_.data(), count, distances_.data());
    for (size_t i = 0; i < count; ++i) {
      const uint64_t found = packed(distances_[i], view_.entries[begin + i]);
      if (found >= best[kStarts - 1]) continue;
      best[kStarts - 1] = found;
      std::sort(best, best + kStarts);
    }
  }
  for (const uint64_t found : best) {
    if (found == UINT64_MAX || !see(row_of(found))) continue;
    touched_.push_back(row_of(found) / 64);
    insert(found);
  }
}

/// Where too little can be reached from the nearest entries: rows may lie in groups far apart.
void GraphSearch::enter_all() {
  const size_t bytes = view_.coder->bytes();
  for (size_t i = 0; i < view_.entries.size(); ++i) {
    if (!see(view_.entries[i])) continue;
    touched_.push_back(view_.entries[i] / 64);
    records_[0] = view_.entry_records + i * bytes;
    query_.distances(records_.data(), 1, distances_.data());
    insert(packed(distances_[0], view_.entries[i]));
  }
}

/// Puts the neighbours of a row that have not been seen into fresh_, and asks for their records.
size_t GraphSearch::unseen(uint64_t found) {
  // Copies, since what is stored below might change the members for all the compiler knows.
  uint64_t* const seen = seen_.data();
  uint32_t* const fresh = fresh_.data();
  const uint8_t** const records = records_.data();
  const uint8_t* const first = view_.records;
  const size_t bytes = view_.coder->bytes();
  const uint32_t degree = view_.degree;
  const uint32_t* const neighbours = neighbours_of(found);
  size_t count = 0;
  for (uint32_t i = 0; i < degree; ++i) {
    const uint32_t row = neighbours[i];
    const uint64_t bit = uint64_t{1} << (row % 64);
    uint64_t& word = seen[row / 64];
    if ((word & bit) != 0) continue;
    word |= bit;
    fresh[count] = row;
    records[count] = first + row * bytes;
    prefetch(records[count++], bytes);
  }
  if (seen_.size() > kClearWhole)
    for (size_t i = 0; i < count; ++i) touched_.push_back(fresh[i] / 64);
  counts_.distances += count;
  return count;
}

void GraphSearch::score(size_t count) {
  if (count == 0) return;
  query_.distances(records_.data(), count, distances_.data());
  for (size_t i = 0; i < count; ++i)
    if (distances_[i] <= bound_) insert(packed(distances_[i], fresh_[i]));
}

void GraphSearch::insert(uint64_t found) {
  const auto begin = pool_.begin();
  const auto end = begin + static_cast<ptrdiff_t>(size_);
  const auto at = static_cast<size_t>(std::lower_bound(begin, end, found) - begin);
  if (at == breadth_) return;
  if (size_ < breadth_) ++size_;
  std::memmove(&pool_[at + 1], &pool_[at], (size_ - 1 - at) * sizeof(uint64_t));
  pool_[at] = found;
  current_ = std::min(current_, at);
  if (size_ == breadth_) bound_ = distance_of(pool_[size_ - 1]);
}

size_t GraphSearch::next_unleft(size_t from) const noexcept {
  while (from < size_ && (pool_[from] & kLeft) != 0) ++from;
  return from;
}

/// Asks for the links of some rows that are likely to be left soon.
void GraphSearch::prefetch_links(size_t from, size_t count) const {
  for (; count > 0 && from < size_; --count, from = next_unleft(from + 1))
    prefetch(neighbours_of(pool_[from]), view_.degree * sizeof(uint32_t));
}

/// Asks for the records that the next row to leave will need. Which it is is not certain before the
/// scores, but what is asked for is mostly needed some steps later at the latest.
void GraphSearch::look_ahead() const {
  const size_t next = next_unleft(current_ + 1);
  if (next >= size_) return;
  const size_t bytes = view_.coder->bytes();
  const uint64_t* const seen = seen_.data();
  const uint32_t* const neighbours = neighbours_of(pool_[next]);
  for (uint32_t i = 0; i < view_.degree; ++i) {
    const uint32_t row = neighbours[i];
    if ((seen[row / 64] >> (row % 64) & 1) == 0) prefetch(view_.records + row * bytes, bytes);
  }
}

}  // namespace viridian::index
