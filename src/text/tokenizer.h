#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/folding.h"
#include "text/words.h"
#include "viridian/base/result.h"

struct sb_stemmer;

namespace viridian::text {

/// What makes two words the same term. An index and its queries must agree in all of it.
struct TokenizerSettings {
  /// A language as Snowball names it ("english", "german"): words lose their endings by its rules.
  /// Empty: they stay as they are.
  std::string language = {};
  /// Leaves out the language's words that tell little; no effect without a list (stop_words.h).
  bool stop_words = false;
  bool fold_case = true;
  bool fold_accents = true;

  friend bool operator==(const TokenizerSettings&, const TokenizerSettings&) = default;
};

/// A term and where in the text it was found.
struct Term {
  std::string_view text;  ///< valid until the tokenizer's next call; never empty
  size_t begin = 0;       ///< bytes of the word that it was made of
  size_t end = 0;
};

/// Makes terms of texts: splits into words (words.h), folds them (folding.h), leaves out stop words
/// and reduces the rest to stems (Snowball; Porter 1980 and 2001). Neighbouring ideographs, kana
/// and hangul give overlapping pairs of characters instead; one alone stands for itself.
///
/// Accents go before stemming where the stemmer knows none (English, or no stemmer), else after it.
///
/// Any bytes may be given; those that are no UTF-8 are between words. Not thread-safe, as neither
/// Snowball's stemmers are: each thread has its own.
class Tokenizer {
 public:
  /// Only so much of a word counts, and of a term, in bytes.
  static constexpr size_t kMostWordBytes = 255;
  static constexpr size_t kMostTermBytes = 128;

  ///   invalid_argument  Snowball does not know the language
  static Result<Tokenizer> create(TokenizerSettings settings);

  const TokenizerSettings& settings() const noexcept { return settings_; }

  /// Begins with a text, which must outlive what next() is called for.
  void start(std::string_view text);
  /// The next term of it. False at the end.
  [[nodiscard]] bool next(Term& term);

  /// All terms of a text, in order.
  std::vector<std::string> terms(std::string_view text);

 private:
  struct DeleteStemmer {
    void operator()(sb_stemmer* stemmer) const noexcept;
  };
  struct Reduced {
    std::string word;
    std::string stem;  ///< empty: a stop word
  };
  // Texts repeat few words most of the time, and stemming takes longer than all else. A query's few
  // words should not have to pay for room for many.
  static constexpr size_t kFewestReduced = 64;
  static constexpr size_t kMostReduced = 16384;

  explicit Tokenizer(TokenizerSettings settings);
  bool make_term(const Word& word);
  void fold(std::string_view raw, bool ascii);
  void reduce();
  std::string_view stem_of(std::string_view word);

  TokenizerSettings settings_;
  bool strip_before_stemming_ = false;
  std::unique_ptr<sb_stemmer, DeleteStemmer> stemmer_;
  std::vector<Reduced> reduced_;  ///< by hash of the word
  size_t not_kept_ = 0;           ///< words that were not among them, since their number grew
  Folder folder_;

  std::string_view text_;
  WordScanner scanner_;
  Word ahead_;           ///< the word behind the one that is being looked at,
  bool ended_ = true;    ///< if there is one
  bool paired_ = false;  ///< whether ahead_ was part of a pair already
  std::string term_;
};

}  // namespace viridian::text
