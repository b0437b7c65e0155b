#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "postings/row_set.h"
#include "postings/source.h"
#include "text/trigram_format.h"
#include "viridian/base/result.h"

namespace viridian::text {

/// The rows of one trigram, not yet read.
struct Posting {
  uint32_t count = 0;  ///< of rows; 0: the trigram is in none
  uint64_t begin = 0;  ///< of what is listed, in the source
};

/// Looks trigrams up in a trigram index, and reads their rows. Immutable, so thread-safe. Every
/// call may fail with the source's data_loss; what is read never leaves the source or the block.
class TrigramDictionary {
 public:
  static Result<TrigramDictionary> open(std::shared_ptr<const postings::Source> source);

  uint32_t rows() const noexcept { return header_.rows; }
  uint64_t bytes() const noexcept { return source_->size(); }

  Result<Posting> find(Trigram trigram) const;
  /// Those from `first` to `last` that are in any row.
  Result<std::vector<Posting>> range(Trigram first, Trigram last) const;

  Result<postings::RowSet> rows_of(const Posting& posting) const;
  /// The rows that have any of them.
  Result<postings::RowSet> rows_of_any(std::span<const Posting> postings) const;

 private:
  using Header = trigram_format::Header;
  using Page = trigram_format::Page;

  TrigramDictionary(std::shared_ptr<const postings::Source> source, const Header& header);
  uint32_t page_count() const;
  Page page(uint32_t number) const;
  uint32_t page_of(Trigram trigram) const;
  template <class F>
  Result<bool> for_each_in(uint32_t number, F&& f) const;
  Result<std::span<const std::byte>> list_of(const Posting& posting) const;
  Status add_rows(const Posting& posting, postings::RowBits& bits) const;

  std::shared_ptr<const postings::Source> source_;
  Header header_;
  std::span<const std::byte> pages_;
  uint64_t entries_begin_ = 0;
  uint64_t lists_begin_ = 0;
};

}  // namespace viridian::text
