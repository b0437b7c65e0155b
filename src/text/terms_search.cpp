#include "text/terms_search.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "text/posting_cursor.h"

namespace viridian::text {

using postings::Row;

/// A term's postings in the block that is searched.
struct TermsSearch::List {
  size_t term = 0;
  PostingCursor cursor;
  std::vector<ScoreUnits> bounds;  ///< per block of the list
  size_t posting = 0;              ///< of the block that is loaded: where the last look-up ended
  ScoreUnits bound = 0;            ///< in the window
  ScoreUnits bounds_before = 0;    ///< in the window, of the lists before it
};

namespace {

bool is_better(const TextHit& a, const TextHit& b) {
  if (a.units != b.units) return a.units > b.units;
  return a.block != b.block ? a.block < b.block : a.row < b.row;
}

}  // namespace

TermsSearch::TermsSearch(const Bm25& scorer, const std::vector<QueryTerm>& terms, size_t k)
    : scorer_(scorer), terms_(terms), k_(k) {
  VIRIDIAN_ASSERT(scorer.terms() == terms.size());
}
TermsSearch::~TermsSearch() = default;

ScoreUnits TermsSearch::threshold() const noexcept {
  return best_.size() < k_ || k_ == 0 ? 0 : best_.front().units;
}

void TermsSearch::offer(const TextHit& hit) {
  if (hit.units <= threshold()) return;
  if (best_.size() == k_) {
    std::pop_heap(best_.begin(), best_.end(), is_better);
    best_.pop_back();
  }
  best_.push_back(hit);
  std::push_heap(best_.begin(), best_.end(), is_better);
}

std::vector<TextHit> TermsSearch::take() && {
  std::sort_heap(best_.begin(), best_.end(), is_better);
  return std::move(best_);
}

Status TermsSearch::search(uint32_t block, const TermsIndex& index,
                           const postings::RowSet* allowed) {
  VIRIDIAN_ASSERT(best_.empty() || block > block_);
  if (k_ == 0 || (allowed != nullptr && allowed->empty())) return ok_status();
  block_ = block;
  index_ = &index;
  allowed_.reset();
  if (allowed != nullptr) {
    allowed_ = std::make_unique<postings::RowBits>();
    allowed->add_to(allowed_->data());
  }
  VIRIDIAN_TRY(std::vector<List> lists, open_lists(index));
  for (uint32_t begin = 0; begin < index.rows(); begin += kWindow) {
    if (any_allowed(begin) && !search_window(lists, begin)) return index.damaged();
  }
  return ok_status();
}

bool TermsSearch::any_allowed(uint32_t begin) const noexcept {
  if (!allowed_) return true;
  const auto first = allowed_->begin() + begin / 64;
  return std::any_of(first, first + kWindow / 64, [](uint64_t word) { return word != 0; });
}

Result<std::vector<TermsSearch::List>> TermsSearch::open_lists(const TermsIndex& index) const {
  std::vector<List> lists;
  for (size_t term = 0; term < terms_.size(); ++term) {
    VIRIDIAN_TRY(const auto found, index.find(terms_[term].text));
    if (!found) continue;
    List& list = lists.emplace_back();
    list.term = term;
    if (!list.cursor.open(index, *found)) return index.damaged();
    for (const PostingCursor::Block& block : list.cursor.blocks())
      list.bounds.push_back(scorer_.bound(term, block.max_frequency, block.min_length));
  }
  return lists;
}

bool TermsSearch::search_window(std::vector<List>& lists, uint32_t begin) {
  const size_t essential = bound_window(lists, begin);
  if (essential == lists.size()) return true;
  ScoreUnits all = 0;
  for (const List& list : lists) all += list.bound;
  for (size_t i = essential; i < lists.size(); ++i)
    if (!add_window(lists[i], begin, all - lists[i].bound)) return false;
  return finish_window(lists, essential, begin);
}

/// Sorts the lists by what they may give to a row of the window. Returns the first of those without
/// any of which no row can be among the best.
size_t TermsSearch::bound_window(std::vector<List>& lists, uint32_t begin) {
  const uint32_t end = begin + kWindow;
  for (List& list : lists) {
    list.cursor.skip_to(begin);
    list.bound = 0;
    const auto& blocks = list.cursor.blocks();
    for (size_t i = list.cursor.block(); i < blocks.size() && blocks[i].first < end; ++i)
      list.bound = std::max(list.bound, list.bounds[i]);
  }
  std::sort(lists.begin(), lists.end(), [](const List& a, const List& b) {
    return a.bound != b.bound ? a.bound < b.bound : a.term < b.term;
  });
  size_t essential = 0;
  ScoreUnits sum = 0;
  for (size_t i = 0; i < lists.size(); ++i) {
    lists[i].bounds_before = sum;
    sum += lists[i].bound;
    if (sum <= threshold()) essential = i + 1;
  }
  return essential;
}

/// Adds what the list gives to rows of the window, but for blocks whose rows cannot be among the
/// best with as much as `others` from the other lists.
bool TermsSearch::add_window(List& list, uint32_t begin, ScoreUnits others) {
  PostingCursor& cursor = list.cursor;
  const uint32_t end = begin + kWindow;
  while (cursor.block() < cursor.blocks().size()) {
    const PostingCursor::Block& block = cursor.blocks()[cursor.block()];
    if (block.first >= end) break;
    if (list.bounds[cursor.block()] + others > threshold()) {
      if (!cursor.load()) return false;
      add_block(list, begin);
    }
    if (block.last >= end) break;
    cursor.skip_to(uint32_t{block.last} + 1);
  }
  return true;
}

void TermsSearch::add_block(const List& list, uint32_t begin) {
  const auto rows = list.cursor.rows();
  size_t i = static_cast<size_t>(std::lower_bound(rows.begin(), rows.end(), begin) - rows.begin());
  for (; i < rows.size() && rows[i] < begin + kWindow; ++i) {
    if (!is_allowed(rows[i])) continue;
    const uint32_t at = rows[i] - begin;
    units_[at] +=
        scorer_.contribution(list.term, list.cursor.frequency(i), index_->length(rows[i]));
    found_[at / 64] |= uint64_t{1} << (at % 64);
  }
}

bool TermsSearch::finish_window(std::vector<List>& lists, size_t essential, uint32_t begin) {
  for (List& list : lists) list.posting = 0;
  bool good = true;
  for (uint32_t word = 0; word < found_.size(); ++word) {
    scored_ += static_cast<uint64_t>(std::popcount(found_[word]));
    for (uint64_t left = found_[word]; left != 0; left &= left - 1) {
      const uint32_t at = word * 64 + static_cast<uint32_t>(std::countr_zero(left));
      good = good && finish_row(lists, essential, static_cast<Row>(begin + at), units_[at]);
      units_[at] = 0;
    }
    found_[word] = 0;
  }
  return good;
}

/// Adds what the lists before the essential ones give to a row, as long as it can be among the
/// best.
bool TermsSearch::finish_row(std::vector<List>& lists, size_t essential, Row row,
                             ScoreUnits units) {
  for (size_t i = essential; i-- > 0;) {
    List& list = lists[i];
    if (units + list.bound + list.bounds_before <= threshold()) return true;
    const size_t before = list.cursor.block();
    list.cursor.skip_to(row);
    const size_t block = list.cursor.block();
    if (block != before) list.posting = 0;
    if (block == list.cursor.blocks().size() || list.cursor.blocks()[block].first > row) continue;
    if (units + list.bounds[block] + list.bounds_before <= threshold()) return true;
    if (!list.cursor.load()) return false;
    const auto rows = list.cursor.rows();
    while (rows[list.posting] < row) ++list.posting;
    if (rows[list.posting] == row) {
      units +=
          scorer_.contribution(list.term, list.cursor.frequency(list.posting), index_->length(row));
    }
  }
  offer({units, block_, row});
  return true;
}

}  // namespace viridian::text
