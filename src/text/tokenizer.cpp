#include "text/tokenizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <libstemmer.h>

#include <algorithm>

#include "base/hash.h"
#include "text/stop_words.h"

namespace viridian::text {
namespace {

std::vector<std::string_view> languages() {
  std::vector<std::string_view> names;
  for (const char** name = sb_stemmer_list(); *name != nullptr; ++name) names.emplace_back(*name);
  return names;
}

/// In these languages articles and pronouns are tied to the next word by an apostrophe.
Apostrophe apostrophe_of(std::string_view language) {
  const bool separates = language == "french" || language == "italian" || language == "catalan";
  return separates ? Apostrophe::separates : Apostrophe::joins;
}

bool is_without_accents(std::string_view language) {
  return language.empty() || language == "english" || language == "porter";
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

void Tokenizer::DeleteStemmer::operator()(sb_stemmer* stemmer) const noexcept {
  sb_stemmer_delete(stemmer);
}

Result<Tokenizer> Tokenizer::create(TokenizerSettings settings) {
  Tokenizer tokenizer(std::move(settings));
  const std::string& language = tokenizer.settings_.language;
  if (language.empty()) return tokenizer;
  // Snowball takes other names of a language, too; of settings that are kept there is one each.
  const auto known = languages();
  if (std::find(known.begin(), known.end(), language) == known.end()) {
    return Error(Code::invalid_argument,
                 fmt::format("no stemmer for the language '{}'; there are: {}", language,
                             fmt::join(known, ", ")));
  }
  tokenizer.stemmer_.reset(sb_stemmer_new(language.c_str(), "UTF_8"));
  tokenizer.reduced_.resize(kFewestReduced);
  return tokenizer;
}

Tokenizer::Tokenizer(TokenizerSettings settings)
    : settings_(std::move(settings)),
      strip_before_stemming_(is_without_accents(settings_.language)),
      scanner_({}) {}

void Tokenizer::start(std::string_view text) {
  text_ = text;
  scanner_ = WordScanner(text, apostrophe_of(settings_.language));
  paired_ = false;
  ended_ = !scanner_.next(ahead_);
}

bool Tokenizer::next(Term& term) {
  while (!ended_) {
    Word word = ahead_;
    ended_ = !scanner_.next(ahead_);
    if (word.character) {
      const bool was_paired = paired_;
      paired_ = !ended_ && ahead_.character && ahead_.begin == word.end;
      if (paired_)
        word.end = ahead_.end;
      else if (was_paired)
        continue;
    }
    if (!make_term(word)) continue;
    term = {term_, word.begin, word.end};
    return true;
  }
  return false;
}

std::vector<std::string> Tokenizer::terms(std::string_view text) {
  std::vector<std::string> all;
  start(text);
  for (Term term; next(term);) all.emplace_back(term.text);
  return all;
}

/// Makes term_ of a word. False where it is no term.
bool Tokenizer::make_term(const Word& word) {
  fold(utf8_prefix(text_.substr(word.begin, word.end - word.begin), kMostWordBytes), word.ascii);
  if (word.character) return true;
  const bool strip = settings_.fold_accents && !word.ascii;
  if (strip && strip_before_stemming_) folder_.strip_accents(term_);
  if (stemmer_) reduce();
  if (strip && !strip_before_stemming_) folder_.strip_accents(term_);
  term_.resize(utf8_prefix(term_, kMostTermBytes).size());
  return !term_.empty();
}

void Tokenizer::fold(std::string_view raw, bool ascii) {
  if (!ascii) return folder_.fold(raw, settings_.fold_case, term_);
  term_.assign(raw);
  if (settings_.fold_case) std::transform(term_.begin(), term_.end(), term_.begin(), lower);
}

/// Makes a stem of term_, or nothing of a stop word.
void Tokenizer::reduce() {
  const uint64_t hash = hash64(term_);
  if (Reduced& kept = reduced_[hash % reduced_.size()]; kept.word == term_) {
    term_ = kept.stem;
    return;
  }
  if (++not_kept_ > reduced_.size() && reduced_.size() < kMostReduced) {
    reduced_.assign(reduced_.size() * 4, {});
    not_kept_ = 0;
  }
  Reduced& kept = reduced_[hash % reduced_.size()];
  kept.word = term_;
  kept.stem = stem_of(term_);
  term_ = kept.stem;
}

std::string_view Tokenizer::stem_of(std::string_view word) {
  if (settings_.stop_words && is_stop_word(settings_.language, word)) return {};
  const sb_symbol* stem =
      sb_stemmer_stem(stemmer_.get(), reinterpret_cast<const sb_symbol*>(word.data()),
                      static_cast<int>(word.size()));
  if (stem == nullptr) return word;  // no memory for it
  return {reinterpret_cast<const char*>(stem),
          static_cast<size_t>(sb_stemmer_length(stemmer_.get()))};
}

}  // namespace viridian::text
