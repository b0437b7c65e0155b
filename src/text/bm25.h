#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/terms_index.h"
#include "text/tokenizer.h"
#include "viridian/base/result.h"

namespace viridian::text {

/// Of BM25 (Robertson & Zaragoza, The Probabilistic Relevance Framework, 2009, section 3.4).
struct Bm25Settings {
  double k1 = 1.2;  ///< how soon more of a term stops to count; 0 or more
  double b = 0.75;  ///< how much long documents count less, from 0 to 1
};

/// A term of a query: each once.
struct QueryTerm {
  std::string text;
  double weight = 1;  ///< how often it is in the query, or what the caller gives; more than 0
};

/// The query's terms, in the order of their first occurrence.
std::vector<QueryTerm> query_terms(Tokenizer& tokenizer, std::string_view query);

/// What is known of all documents that are searched: sums over blocks, and over whatever else has
/// documents.
struct Bm25Statistics {
  uint64_t documents = 0;
  uint64_t total_length = 0;
  std::vector<uint64_t> frequencies;  ///< per term of the query: documents that have it

  /// Adds a block's. Errors as TermsIndex::find().
  Status add(const TermsIndex& index, const std::vector<QueryTerm>& terms);
};

/// Scores of documents are sums of what each term gives, in whole units: so they are the same in
/// whatever order they are added, and on every machine.
using ScoreUnits = uint64_t;
inline constexpr double kUnitsPerScore = 4294967296.0;

inline double score_of(ScoreUnits units) noexcept {
  return static_cast<double>(units) / kUnitsPerScore;
}

/// What a query's terms give to a document's score: weight x idf x tf / (tf + k1 (1 - b + b length
/// / mean length)), where idf = ln(1 + (N - n + 0.5) / (n + 0.5)), Lucene's form, which is never
/// negative. The factor k1 + 1 that some write is left out: it changes no order. Immutable.
class Bm25 {
 public:
  Bm25(const Bm25Settings& settings, const Bm25Statistics& statistics,
       const std::vector<QueryTerm>& terms);

  size_t terms() const noexcept { return weights_.size(); }
  /// For a document of `length` terms that has the query's term `term` so often: 1 at least.
  ScoreUnits contribution(size_t term, uint32_t frequency, uint32_t length) const noexcept {
    const double tf = frequency;
    const double units = weights_[term] * tf / (tf + norm_ + norm_of_length_ * length);
    return units < 1 ? 1 : static_cast<ScoreUnits>(static_cast<int64_t>(units));
  }
  /// At least the contribution of any document with at most this frequency and at least this
  /// length. A unit more than at the two, since rounding need not keep the order.
  ScoreUnits bound(size_t term, uint32_t frequency, uint32_t length) const noexcept {
    return contribution(term, frequency, length) + 1;
  }

 private:
  std::vector<double> weights_;  ///< in units
  double norm_;
  double norm_of_length_ = 0;
};

}  // namespace viridian::text
