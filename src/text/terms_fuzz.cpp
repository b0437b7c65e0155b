#include <cstddef>
#include <cstdint>
#include <string>

#include "postings/source.h"
#include "text/snippet.h"
#include "text/terms_builder.h"
#include "text/terms_search.h"

namespace {

using namespace viridian;

constexpr std::string_view kQuery = "a b ab the of 1 w1";

/// The bytes as an index: nothing outside of them is read, and a search ends.
void search(text::Tokenizer& tokenizer, std::string bytes) {
  const postings::MemorySource source(std::move(bytes));
  const auto index = text::TermsIndex::open(source);
  if (!index.ok()) return;
  const auto terms = text::query_terms(tokenizer, kQuery);
  text::Bm25Statistics statistics;
  if (!statistics.add(*index, terms).ok()) return;
  const text::Bm25 scorer({}, statistics, terms);
  text::TermsSearch search(scorer, terms, 3);
  if (!search.search(0, *index).ok()) return;
  for (const text::TextHit& hit : std::move(search).take())
    if (hit.row >= index->rows()) __builtin_trap();
  static_cast<void>(index->check().ok());
}

}  // namespace

/// The input is an index; and it is a document, whose index must be good.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  auto tokenizer = text::Tokenizer::create({.language = "english", .stop_words = true});
  search(*tokenizer, input);
  text::TermsBuilder builder(*tokenizer);
  builder.add(0, input);
  std::string bytes = std::move(builder).finish(1);
  const postings::MemorySource source(bytes);
  const auto index = text::TermsIndex::open(source);
  if (!index.ok() || !index->check().ok()) __builtin_trap();
  const auto terms = text::query_terms(*tokenizer, kQuery);
  const auto snippet = text::best_passage(*tokenizer, input, terms, size / 2);
  if (snippet.passage.begin > snippet.passage.end || snippet.passage.end > size) __builtin_trap();
  if (size > 0) bytes[data[0] % bytes.size()] ^= static_cast<char>(data[size - 1]);
  search(*tokenizer, std::move(bytes));
  return 0;
}
