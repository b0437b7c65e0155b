#pragma once
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "codec/utf8.h"
#include "postings/source.h"
#include "text/trigram_builder.h"
#include "text/trigram_index.h"

namespace viridian::text {

using Random = std::mt19937;
/// By row; some rows have none.
using Documents = std::vector<std::optional<std::string>>;

/// Characters of few kinds, so that texts are often found.
inline std::string random_text(Random& random, size_t characters) {
  static const char32_t kSets[][6] = {U"abcab", U"AaBb ", U"日本語の文", U"🙂🚀a🙃b",
                                      U"éÉеЕß", U"kKsSſ", U"a\n.-1"};
  const auto& set = kSets[random() % std::size(kSets)];
  std::string text;
  for (size_t i = 0; i < characters; ++i) {
    const uint32_t any = random() % 40 == 0 ? 0x212A : set[random() % 5];
    json::append_utf8(text, any);
  }
  return text;
}

inline Documents random_documents(Random& random, size_t rows) {
  Documents documents(rows);
  for (auto& document : documents) {
    if (random() % 8 == 0) continue;
    const size_t most[] = {1, 2, 4, 20, 20, 100, 300};
    document = random_text(random, random() % most[random() % std::size(most)]);
    while (random() % 4 == 0) *document += random_text(random, random() % 10);
  }
  return documents;
}

inline std::string build(const Documents& documents) {
  TrigramBuilder builder;
  for (size_t row = 0; row < documents.size(); ++row)
    if (documents[row]) builder.add(static_cast<postings::Row>(row), *documents[row]);
  return builder.finish(static_cast<uint32_t>(documents.size()));
}

inline Result<TrigramIndex> open(std::string bytes) {
  return TrigramIndex::open(std::make_shared<const postings::MemorySource>(std::move(bytes)));
}

/// The rows with a document for which holds(document) is true.
template <class F>
postings::RowSet rows_where(const Documents& documents, F&& holds) {
  std::vector<postings::Row> rows;
  for (size_t row = 0; row < documents.size(); ++row)
    if (documents[row] && holds(*documents[row])) rows.push_back(static_cast<postings::Row>(row));
  return postings::RowSet::of(std::move(rows));
}

inline postings::RowSet in_both(const postings::RowSet& a, const postings::RowSet& b) {
  postings::RowSet both;
  both.unite(a);
  both.intersect(b);
  return both;
}

/// How many of `rows` are not in `others`.
inline uint32_t missing(const postings::RowSet& rows, const postings::RowSet& others) {
  return rows.size() - in_both(rows, others).size();
}

}  // namespace viridian::text
