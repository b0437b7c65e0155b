#pragma once
#include <memory>
#include <string_view>

#include "postings/row_set.h"
#include "text/regex.h"
#include "text/trigram_index.h"
#include "viridian/base/result.h"

namespace viridian::text {

/// Which documents of a trigram index a regular expression can match at all: those with the texts
/// that each match must hold. RE2 finds these texts and how they go together (its FilteredRE2), as
/// Cox describes for trigrams ("Regular Expression Matching with a Trigram Index", 2012).
///
/// Move-only; immutable, so candidates() is thread-safe.
class RegexPrefilter {
 public:
  /// Longer patterns let every row pass: what they need is not looked for, which could take long.
  static constexpr size_t kPatternBytesMax = 4 << 10;

  /// Of a pattern that Regex::compile() takes; one that it refuses lets every row pass.
  /// `memory`: about what it may take.
  explicit RegexPrefilter(std::string_view rust_pattern, size_t memory = Regex::kMemoryMax);
  RegexPrefilter(RegexPrefilter&&) noexcept;
  RegexPrefilter& operator=(RegexPrefilter&&) noexcept;
  ~RegexPrefilter();

  /// There is no text that every match must hold, so that candidates() are all rows.
  bool lets_all_pass() const noexcept;

  /// No row that matches is missing, but those not in `among`, where it is given.
  ///   errors as of TrigramIndex
  Result<Candidates> candidates(const TrigramIndex& index,
                                const postings::RowSet* among = nullptr) const;

 private:
  struct Compiled;
  std::unique_ptr<const Compiled> compiled_;  ///< null: every row passes
};

}  // namespace viridian::text
