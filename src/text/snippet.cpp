#include "text/snippet.h"

#include <algorithm>
#include <unordered_map>

#include "codec/utf8.h"
#include "text/words.h"

namespace viridian::text {
namespace {

/// A word that the query asks for.
struct Match {
  size_t term = 0;
  TextRange bytes;
  TextRange characters;
};

/// Bytes of the character at `at`, which is within the text; one where it is no UTF-8.
size_t character_bytes(std::string_view text, size_t at) {
  return std::max<size_t>(json::utf8_length(text, at), 1);
}

size_t count_characters(std::string_view text, TextRange range) {
  size_t count = 0;
  for (size_t at = range.begin; at < range.end; at += character_bytes(text, at)) ++count;
  return count;
}

/// So many characters behind `at`, or the end of the text.
size_t go_on(std::string_view text, size_t at, size_t characters) {
  for (; characters > 0 && at < text.size(); --characters) at += character_bytes(text, at);
  return at;
}

/// So many characters before `at`, or the text's beginning.
size_t go_back(std::string_view text, size_t at, size_t characters) {
  for (; characters > 0 && at > 0; --characters) {
    size_t begin = at - 1;
    for (size_t bytes = 2; bytes <= 4 && bytes <= at; ++bytes)
      if (json::utf8_length(text, at - bytes) == bytes) begin = at - bytes;
    at = begin;
  }
  return at;
}

std::vector<Match> find_matches(Tokenizer& tokenizer, std::string_view document,
                                const std::vector<QueryTerm>& terms) {
  std::unordered_map<std::string_view, size_t> term_of;
  for (size_t i = 0; i < terms.size(); ++i) term_of.emplace(terms[i].text, i);
  std::vector<Match> matches;
  size_t at = 0, characters = 0;
  tokenizer.start(document);
  for (Term term; tokenizer.next(term);) {
    const auto found = term_of.find(term.text);
    if (found == term_of.end()) continue;
    characters += count_characters(document, {at, term.begin});
    at = term.begin;
    const size_t size = count_characters(document, {term.begin, term.end});
    matches.push_back({found->second, {term.begin, term.end}, {characters, characters + size}});
  }
  return matches;
}

/// The matches from `first` to before `last`, and what they are worth.
struct Window {
  size_t first = 0, last = 0;
  double weight = 0;
};

Window best_window(const std::vector<Match>& matches, const std::vector<QueryTerm>& terms,
                   size_t characters) {
  Window best;
  std::vector<size_t> counts(terms.size());
  size_t first = 0;
  for (size_t last = 0; last < matches.size(); ++last) {
    ++counts[matches[last].term];
    while (first <= last &&
           matches[last].characters.end - matches[first].characters.begin > characters)
      --counts[matches[first++].term];
    // Added up anew each time: a sum that things are taken from is not what it was before.
    double weight = 0;
    for (size_t i = 0; i < terms.size(); ++i)
      if (counts[i] > 0) weight += terms[i].weight;
    const size_t size = last + 1 - first;
    if (size > 0 &&
        (weight > best.weight || (weight == best.weight && size > best.last - best.first)))
      best = {first, last + 1, weight};
  }
  return best;
}

/// The words of the text within a range of it.
std::vector<TextRange> words_within(std::string_view text, TextRange range) {
  std::vector<TextRange> words;
  WordScanner scanner(text.substr(0, range.end));
  for (Word word; scanner.next(word);)
    if (word.begin >= range.begin) words.push_back({word.begin, word.end});
  return words;
}

/// As much as fits around `core`, from the beginning of a word to the end of one.
TextRange widen(std::string_view text, TextRange core, size_t characters) {
  const size_t room = characters - std::min(characters, count_characters(text, core));
  const TextRange outer{go_back(text, core.begin, room), go_on(text, core.end, room)};
  // A word that begins before `outer.end` and ends behind it must not look like one that ends
  // there.
  const size_t seen = go_on(text, outer.end, Tokenizer::kMostWordBytes);
  const std::vector<TextRange> words = words_within(text, {outer.begin, seen});
  const auto begin_from = [&](size_t at) {
    if (at == 0) return at;
    const auto word = std::find_if(words.begin(), words.end(),
                                   [&](const TextRange& each) { return each.begin >= at; });
    return word == words.end() ? core.begin : std::min(word->begin, core.begin);
  };
  const auto end_until = [&](size_t at) {
    size_t end = at == text.size() ? at : core.end;
    for (const TextRange& word : words)
      if (word.end <= at) end = std::max(end, word.end);
    return end;
  };
  TextRange passage{begin_from(go_back(text, core.begin, room / 2)), core.end};
  const auto left = [&] {
    return characters - std::min(characters, count_characters(text, passage));
  };
  passage.end = end_until(go_on(text, passage.end, left()));
  passage.begin = begin_from(go_back(text, passage.begin, left()));
  return passage;
}

}  // namespace

Snippet best_passage(Tokenizer& tokenizer, std::string_view document,
                     const std::vector<QueryTerm>& terms, size_t characters) {
  const std::vector<Match> matches = find_matches(tokenizer, document, terms);
  const Window window = best_window(matches, terms, characters);
  TextRange core;
  if (window.first < window.last) {
    core = {matches[window.first].bytes.begin, 0};
    for (size_t i = window.first; i < window.last; ++i)
      core.end = std::max(core.end, matches[i].bytes.end);
  }
  Snippet snippet;
  snippet.passage = widen(document, core, characters);
  // A first word that is longer than the passage may be.
  if (snippet.passage.end == snippet.passage.begin)
    snippet.passage.end = go_on(document, snippet.passage.begin, characters);
  for (const Match& match : matches) {
    if (match.bytes.begin < snippet.passage.begin || match.bytes.end > snippet.passage.end)
      continue;
    if (!snippet.highlights.empty() && match.bytes.begin <= snippet.highlights.back().end)
      snippet.highlights.back().end = match.bytes.end;
    else
      snippet.highlights.push_back({match.bytes.begin, match.bytes.end});
  }
  return snippet;
}

}  // namespace viridian::text
