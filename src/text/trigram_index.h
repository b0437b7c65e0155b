#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "postings/row_set.h"
#include "postings/source.h"
#include "text/trigram_dictionary.h"
#include "viridian/base/result.h"

namespace viridian::text {

/// What an index says of a question: the rows that may be an answer.
struct Candidates {
  postings::RowSet rows;
  bool exact = false;  ///< they are; else each document is to be looked at
};

/// Which documents of a block hold a text, byte for byte. Documents are cut into all sequences of
/// three bytes, as Zobel, Moffat and Sacks-Davis describe ("Searching large lexicons for partially
/// specified terms using compressed inverted files", VLDB 1993), and each has the list of its rows.
/// Texts and documents are UTF-8. Immutable, so thread-safe.
///
/// Every call may fail with what the source says of damage (data_loss, where it is a file).
class TrigramIndex {
 public:
  /// Of what TrigramBuilder::finish() returned. Reads only its directory.
  static Result<TrigramIndex> open(std::shared_ptr<const postings::Source> source);

  /// Of the block, with and without documents.
  uint32_t rows() const noexcept { return dictionary_.rows(); }
  /// That the index takes.
  uint64_t bytes() const noexcept { return dictionary_.bytes(); }

  /// No row that holds the text is missing, but those not in `among`, where it is given. An empty
  /// text is held by all rows, those without a document, too. One of up to three bytes has an exact
  /// answer unless `among` is so small that looking at these is cheaper.
  Result<Candidates> containing(std::string_view text,
                                const postings::RowSet* among = nullptr) const;

  /// At least as many as there are rows that hold the text. Reads no rows.
  Result<uint32_t> at_most(std::string_view text) const;

  /// Trigrams, of which a row is to have one.
  using AnyOf = std::vector<Trigram>;
  /// Rows that have one of each, if all were looked at: then it is exact.
  Result<Candidates> having(std::span<const AnyOf> each,
                            const postings::RowSet* among = nullptr) const;

 private:
  struct Wanted;

  explicit TrigramIndex(TrigramDictionary dictionary) : dictionary_(std::move(dictionary)) {}
  Result<std::vector<Wanted>> look_up(std::span<const AnyOf> each) const;
  Result<std::vector<Wanted>> look_up(std::string_view text) const;
  Result<Candidates> intersect(std::vector<Wanted> wanted, const postings::RowSet* among) const;

  TrigramDictionary dictionary_;
};

}  // namespace viridian::text
