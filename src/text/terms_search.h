#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "postings/row_set.h"
#include "text/bm25.h"
#include "text/terms_index.h"
#include "viridian/base/result.h"

namespace viridian::text {

/// A document that was found.
struct TextHit {
  ScoreUnits units = 0;  ///< score_of() makes a score of it
  uint32_t block = 0;
  postings::Row row = 0;
  friend bool operator==(const TextHit&, const TextHit&) = default;
};

/// The k documents with the greatest scores, of those with equal ones the first by block and row:
/// exactly those, with exactly the scores, that scoring every document would find.
///
/// MaxScore (Turtle & Flood, IPM 31(6), 1995) by windows of rows, with the bounds of blocks of
/// posting lists (Ding & Suel, SIGIR 2011): in each window, terms that together cannot lift a
/// document above the k-th best yet only add to documents that others have found. Not thread-safe.
class TermsSearch {
 public:
  /// The scorer and the terms that it was made for must outlive it. k may be 0.
  TermsSearch(const Bm25& scorer, const std::vector<QueryTerm>& terms, size_t k);
  ~TermsSearch();

  /// Searches a block; blocks ascend. If `allowed` is given, only these rows count. On an error the
  /// search is over.
  ///   the source's error, or its damaged()
  Status search(uint32_t block, const TermsIndex& index, const postings::RowSet* allowed = nullptr);

  /// A document with a lower score is not among the best any more, nor is one behind those seen
  /// with the same. 0 while there are fewer than k.
  ScoreUnits threshold() const noexcept;
  /// Documents for which any term's part was computed.
  uint64_t scored() const noexcept { return scored_; }
  /// Best first. Then it is over.
  std::vector<TextHit> take() &&;

 private:
  struct List;
  static constexpr uint32_t kWindow = 4096;
  static_assert(postings::kBlockRows % kWindow == 0 && kWindow % 64 == 0);

  Result<std::vector<List>> open_lists(const TermsIndex& index) const;
  bool search_window(std::vector<List>& lists, uint32_t begin);
  size_t bound_window(std::vector<List>& lists, uint32_t begin);
  bool add_window(List& list, uint32_t begin, ScoreUnits others);
  void add_block(const List& list, uint32_t begin);
  bool finish_window(std::vector<List>& lists, size_t essential, uint32_t begin);
  bool finish_row(std::vector<List>& lists, size_t essential, postings::Row row, ScoreUnits units);
  bool is_allowed(postings::Row row) const noexcept {
    return !allowed_ || ((*allowed_)[row / 64] >> (row % 64) & 1) != 0;
  }
  bool any_allowed(uint32_t begin) const noexcept;
  void offer(const TextHit& hit);

  const Bm25& scorer_;
  const std::vector<QueryTerm>& terms_;
  size_t k_;
  uint64_t scored_ = 0;
  std::vector<TextHit> best_;  ///< a heap, the worst first

  // While a block is searched:
  uint32_t block_ = 0;
  const TermsIndex* index_ = nullptr;
  std::unique_ptr<postings::RowBits> allowed_;
  std::array<ScoreUnits, kWindow> units_{};     ///< of the rows found in a window, else 0
  std::array<uint64_t, kWindow / 64> found_{};  ///< a bit per row of the window
};

}  // namespace viridian::text
