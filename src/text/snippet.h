#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/bm25.h"
#include "text/tokenizer.h"

namespace viridian::text {

/// Bytes of a text.
struct TextRange {
  size_t begin = 0;
  size_t end = 0;
  friend bool operator==(const TextRange&, const TextRange&) = default;
};

/// A passage of a document, and in it the words that a query asks for.
struct Snippet {
  TextRange passage;
  std::vector<TextRange> highlights;  ///< within the passage, of the document's bytes; ascending
};

/// The best passage of at most `characters` characters (code points): the one whose terms of the
/// query weigh most, each once; then the one with the most of them; then the first. What was found
/// is in its middle; it begins and ends at the ends of words. Without any of the terms it is the
/// document's beginning. Of UTF-8 it is UTF-8; of other bytes each counts as a character.
///
/// Weights are such as Bm25's idf, or those of the query.
Snippet best_passage(Tokenizer& tokenizer, std::string_view document,
                     const std::vector<QueryTerm>& terms, size_t characters);

}  // namespace viridian::text
