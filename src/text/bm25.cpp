#include "text/bm25.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace viridian::text {
namespace {

/// Beyond it the sum of many terms might not fit into units any more.
constexpr double kMostWeight = 65536;

}  // namespace

std::vector<QueryTerm> query_terms(Tokenizer& tokenizer, std::string_view query) {
  std::vector<QueryTerm> terms;
  for (std::string& text : tokenizer.terms(query)) {
    const auto same = std::find_if(terms.begin(), terms.end(),
                                   [&](const QueryTerm& term) { return term.text == text; });
    if (same == terms.end())
      terms.push_back({std::move(text), 1});
    else
      same->weight += 1;
  }
  return terms;
}

Status Bm25Statistics::add(const TermsIndex& index, const std::vector<QueryTerm>& terms) {
  documents += index.documents();
  total_length += index.total_length();
  frequencies.resize(terms.size());
  for (size_t i = 0; i < terms.size(); ++i) {
    VIRIDIAN_TRY(const auto list, index.find(terms[i].text));
    if (list) frequencies[i] += list->documents;
  }
  return ok_status();
}

Bm25::Bm25(const Bm25Settings& settings, const Bm25Statistics& statistics,
           const std::vector<QueryTerm>& terms)
    : norm_(settings.k1 * (1 - settings.b)) {
  VIRIDIAN_ASSERT(settings.k1 >= 0 && settings.b >= 0 && settings.b <= 1);
  VIRIDIAN_ASSERT(statistics.frequencies.size() == terms.size());
  const auto documents = static_cast<double>(statistics.documents);
  if (statistics.total_length > 0) {
    const double mean = static_cast<double>(statistics.total_length) / documents;
    norm_of_length_ = settings.k1 * settings.b / mean;
  }
  for (size_t i = 0; i < terms.size(); ++i) {
    const double having = std::min(static_cast<double>(statistics.frequencies[i]), documents);
    const double idf = std::log1p((documents - having + 0.5) / (having + 0.5));
    weights_.push_back(std::min(terms[i].weight * idf, kMostWeight) * kUnitsPerScore);
  }
}

}  // namespace viridian::text
