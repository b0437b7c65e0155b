#include "index/graph_search.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "index/sortable.h"
#include "simd/prefetch.h"

namespace viridian::index {
namespace {

constexpr size_t kEntriesAtOnce = 64;
/// Words of bits that are quicker cleared at once than one by one.
constexpr size_t kClearWhole = 16384;
/// Rows to start from: more than one, for a query between two regions.
constexpr size_t kStarts = 2;
/// Rows after the current one that are likely to be left soon, and are prepared for.
constexpr size_t kAhead = 3;
/// As many as the kernel takes at once.
constexpr size_t kComputedAtOnce = 4;
/// Rows left between two looks at the context.
constexpr size_t kStopAfter = 256;

}  // namespace

// Orders as the floats do, then by row. The last bit tells that the row was left.
uint64_t GraphSearch::packed(float distance, uint32_t row) noexcept {
  return uint64_t{sortable(distance)} << 32 | uint64_t{row} << 1;
}

float GraphSearch::distance_of(uint64_t found) noexcept {
  return of_sortable(static_cast<uint32_t>(found >> 32));
}

GraphSearch::GraphSearch(const GraphView& view)
    : view_(view), query_(*view.coder), seen_((view.rows + 63) / 64), near_(view.degree + 1) {
  records_.resize(kEntriesAtOnce);
  distances_.resize(kEntriesAtOnce + 3);
  for (Visit& visit : visits_) {
    visit.rows.resize(view.degree + 1);
    visit.records.resize(view.degree + 1);
    visit.distances.resize(view.degree + 3);
  }
}

bool GraphSearch::see(uint32_t row) {
  uint64_t& word = seen_[row / 64];
  const uint64_t bit = uint64_t{1} << (row % 64);
  const bool fresh = (word & bit) == 0;
  word |= bit;
  touched_.push_back(row / 64);
  return fresh;
}

void GraphSearch::begin(size_t breadth) {
  breadth_ = std::clamp<size_t>(breadth, 1, std::max<size_t>(view_.rows, 1));
  pool_.resize(std::max(pool_.size(), breadth_ + 1));
  size_ = current_ = 0;
  entered_all_ = stopped_ = false;
  bound_ = std::numeric_limits<float>::max();
  counts_ = {};
  left_.clear();
  for (Visit& visit : visits_) visit.row = kNone;
  enter();
}

std::span<const uint64_t> GraphSearch::walk(size_t breadth) {
  begin(breadth);
  walk_to(breadth_);
  forget_seen();
  return found();
}

bool GraphSearch::finds(uint32_t row, size_t breadth, float clear) {
  begin(breadth);
  bool found = false;
  while (!found && choose()) {
    leave(visit_current());
    // Only after it has been left are the rows that are nearest to it known.
    found = row_of(pool_[0]) == row && (pool_[0] & kLeft) != 0 && size_ > 1 &&
            distance_of(pool_[1]) - distance_of(pool_[0]) > clear;
  }
  forget_seen();
  return found || contains(this->found(), row);
}

bool GraphSearch::contains(std::span<const uint64_t> found, uint32_t row) {
  return std::any_of(found.begin(), found.end(),
                     [&](uint64_t each) { return row_of(each) == row; });
}

/// Goes on until the nearest `limit` have been left.
void GraphSearch::walk_to(size_t limit) {
  while (choose() && current_ < limit) {
    leave(visit_current());
    if (counts_.hops % kStopAfter == 0 && must_stop()) return;
  }
}

bool GraphSearch::must_stop() {
  stopped_ = context_ != nullptr && !context_->check().ok();
  return stopped_;
}

bool GraphSearch::choose() {
  current_ = next_unleft(current_);
  if (current_ == size_ && size_ < breadth_ && !std::exchange(entered_all_, true)) enter_all();
  return current_ != size_;
}

void GraphSearch::hide(uint32_t row) { see(row); }

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
      simd::prefetch(records_[i], bytes);
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
    insert(found);
  }
}

/// Where too little can be reached from the nearest entries: rows may lie in groups far apart.
void GraphSearch::enter_all() {
  const size_t bytes = view_.coder->bytes();
  for (size_t i = 0; i < view_.entries.size(); ++i) {
    if (!see(view_.entries[i])) continue;
    records_[0] = view_.entry_records + i * bytes;
    query_.distances(records_.data(), 1, distances_.data());
    insert(packed(distances_[0], view_.entries[i]));
  }
}

/// Sees to it that the distances from the current row are known, and meanwhile that those of the
/// next ones will be: their links are asked for some turns before, their records one turn before,
/// while distances are computed.
GraphSearch::Visit& GraphSearch::visit_current() {
  ++turn_;
  Visit& now = visit_of(pool_[current_]);
  std::array<Visit*, kAhead> next{};
  size_t count = 0;
  size_t at = next_unleft(current_ + 1);
  second_ = at < size_ ? pool_[at] : packed(std::numeric_limits<float>::max(), 0);
  for (; at < size_ && count < kAhead; at = next_unleft(at + 1))
    next[count++] = &visit_of(pool_[at]);
  const auto first = [&](Stage stage) {
    for (size_t i = 0; i < count; ++i)
      if (next[i]->stage == stage && next[i]->asked != turn_) return next[i];
    return static_cast<Visit*>(nullptr);
  };
  if (now.stage == Stage::links) {
    // Nobody expected it. Until its links are there, something else is done.
    Visit* const other = now.asked == turn_ ? first(Stage::records) : nullptr;
    if (other != nullptr) compute(*other, nullptr);
    collect(now);
    ask_for_records(now);
  }
  Visit* const then = first(Stage::links);
  if (then != nullptr) collect(*then);
  compute(now, then);
  return now;
}

/// What is known of a row that is to be left soon; asks for its links if that is nothing.
GraphSearch::Visit& GraphSearch::visit_of(uint64_t found) {
  const uint32_t row = row_of(found);
  Visit* oldest = visits_.data();
  for (Visit& visit : visits_) {
    if (visit.row == row) {
      visit.used = turn_;
      return visit;
    }
    if (visit.used < oldest->used) oldest = &visit;
  }
  oldest->row = row;
  oldest->stage = Stage::links;
  oldest->asked = oldest->used = turn_;
  simd::prefetch(links_of(row), view_.degree * sizeof(uint32_t));
  return *oldest;
}

/// Notes those linked rows that have not been seen yet.
void GraphSearch::collect(Visit& visit) const noexcept {
  // Copies, since what is stored below might change the members for all the compiler knows.
  const uint64_t* const seen = seen_.data();
  uint32_t* const rows = visit.rows.data();
  const uint8_t** const records = visit.records.data();
  const uint8_t* const all = view_.records;
  const size_t bytes = view_.coder->bytes();
  const uint32_t degree = view_.degree;
  const uint32_t* const links = links_of(visit.row);
  size_t count = 0;
  for (uint32_t i = 0; i < degree; ++i) {
    const uint32_t row = links[i];
    rows[count] = row;
    records[count] = all + row * bytes;
    count += (seen[row / 64] >> (row % 64) & 1) == 0 ? 1 : 0;
  }
  visit.count = count;
  visit.stage = Stage::records;
}

void GraphSearch::ask_for_records(const Visit& visit) const noexcept {
  const size_t bytes = view_.coder->bytes();
  for (size_t i = 0; i < visit.count; ++i) simd::prefetch(visit.records[i], bytes);
}

/// Has the records of a row that was just found come while others are inserted, if it is the next.
void GraphSearch::expect(uint64_t found) {
  if (found >= second_) return;
  Visit& visit = visit_of(found);
  if (visit.stage != Stage::links) return;
  collect(visit);
  ask_for_records(visit);
}

/// Meanwhile asks for the records of `then`, a few at a time: all at once would keep the
/// computation waiting.
void GraphSearch::compute(Visit& visit, const Visit* then) const {
  const size_t bytes = view_.coder->bytes();
  const size_t count = visit.stage == Stage::distances ? 0 : visit.count;
  const size_t ahead = then == nullptr ? 0 : then->count;
  const size_t link_bytes = view_.degree * sizeof(uint32_t);
  const float soon = distance_of(second_);
  size_t asked = 0;
  for (size_t i = 0; i < count; i += kComputedAtOnce) {
    for (const size_t until = ahead * (i + kComputedAtOnce) / count; asked < std::min(ahead, until);
         ++asked)
      simd::prefetch(then->records[asked], bytes);
    const size_t some = std::min(kComputedAtOnce, count - i);
    float* const distances = visit.distances.data() + i;
    query_.distances(visit.records.data() + i, some, distances);
    // What is nearer than all others is likely to be the next.
    for (size_t j = 0; j < some; ++j)
      if (distances[j] < soon) simd::prefetch(links_of(visit.rows[i + j]), link_bytes);
  }
  for (; asked < ahead; ++asked) simd::prefetch(then->records[asked], bytes);
  visit.stage = Stage::distances;
}

void GraphSearch::leave(Visit& visit) {
  pool_[current_] |= kLeft;
  ++counts_.hops;
  left_.push_back(visit.row);
  uint64_t* const seen = seen_.data();
  const uint32_t* const rows = visit.rows.data();
  const float* const distances = visit.distances.data();
  const size_t before = touched_.size();
  touched_.resize(before + visit.count);
  uint32_t* const touched = touched_.data() + before;
  uint64_t* const near = near_.data();
  size_t fresh = 0, kept = 0;
  // Without branches, which no processor could predict.
  for (size_t i = 0; i < visit.count; ++i) {
    const uint32_t row = rows[i];
    const uint64_t word = seen[row / 64];
    const uint64_t is_fresh = ~(word >> (row % 64)) & 1;
    seen[row / 64] = word | uint64_t{1} << (row % 64);
    touched[fresh] = row / 64;
    fresh += is_fresh;
    near[kept] = packed(distances[i], row);
    kept += is_fresh & static_cast<uint64_t>(distances[i] <= bound_);
  }
  touched_.resize(before + fresh);
  counts_.distances += fresh;
  if (kept > 0) expect(*std::min_element(near, near + kept));
  for (size_t i = 0; i < kept; ++i) insert(near[i]);
  visit.row = kNone;
  visit.used = 0;
}

void GraphSearch::insert(uint64_t found) {
  uint64_t* const pool = pool_.data();
  if (size_ == breadth_ && found >= pool[size_ - 1]) return;
  // By halves, without branches.
  size_t at = 0;
  for (size_t left = size_; left > 0;) {
    const size_t half = (left + 1) / 2;
    at += pool[at + half - 1] < found ? half : 0;
    left -= half;
  }
  if (size_ < breadth_) ++size_;
  std::memmove(pool + at + 1, pool + at, (size_ - 1 - at) * sizeof(uint64_t));
  pool[at] = found;
  current_ = std::min(current_, at);
  if (size_ == breadth_) bound_ = distance_of(pool[size_ - 1]);
}

size_t GraphSearch::next_unleft(size_t from) const noexcept {
  while (from < size_ && (pool_[from] & kLeft) != 0) ++from;
  return from;
}

}  // namespace viridian::index
