#include "text/stop_words.h"

#include <algorithm>
#include <array>
#include <span>

namespace viridian::text {
namespace {

constexpr auto kEnglish = std::to_array<std::string_view>(
    {"a",    "about", "an",     "and",  "are",  "as",     "at",    "be",   "been",  "but",
     "by",   "can",   "could",  "did",  "do",   "does",   "for",   "from", "had",   "has",
     "have", "he",    "her",    "hers", "him",  "his",    "how",   "i",    "if",    "in",
     "into", "is",    "it",     "its",  "me",   "my",     "no",    "nor",  "not",   "of",
     "on",   "or",    "our",    "ours", "she",  "should", "so",    "such", "than",  "that",
     "the",  "their", "theirs", "them", "then", "there",  "these", "they", "this",  "those",
     "to",   "too",   "us",     "was",  "we",   "were",   "what",  "when", "where", "which",
     "who",  "whom",  "why",    "will", "with", "would",  "you",   "your", "yours"});
constexpr auto kFrench = std::to_array<std::string_view>(
    {"au",  "aux",  "avec", "c",    "ce",    "ces",  "cet",   "cette", "d",     "dans",  "de",
     "des", "donc", "du",   "elle", "elles", "en",   "es",    "est",   "et",    "eux",   "il",
     "ils", "j",    "je",   "l",    "la",    "le",   "les",   "leur",  "leurs", "lui",   "m",
     "ma",  "mais", "me",   "mes",  "moi",   "mon",  "n",     "ne",    "nos",   "notre", "nous",
     "on",  "ont",  "ou",   "où",   "par",   "pas",  "pour",  "qu",    "que",   "qui",   "s",
     "sa",  "se",   "ses",  "si",   "son",   "sont", "sur",   "t",     "ta",    "te",    "tes",
     "toi", "ton",  "tu",   "un",   "une",   "vos",  "votre", "vous",  "y",     "à"});
constexpr auto kGerman = std::to_array<std::string_view>(
    {"aber",  "als",   "am",     "an",     "auch",  "auf",   "aus",  "bei",   "bin",   "bis",
     "bist",  "da",    "das",    "dass",   "daß",   "dem",   "den",  "der",   "des",   "die",
     "dies",  "diese", "dieser", "dieses", "durch", "ein",   "eine", "einem", "einen", "einer",
     "eines", "er",    "es",     "für",    "hat",   "hatte", "ich",  "ihm",   "ihn",   "ihr",
     "ihre",  "im",    "in",     "ist",    "kann",  "mein",  "mit",  "nach",  "nicht", "noch",
     "nur",   "ob",    "oder",   "sein",   "seine", "sich",  "sie",  "sind",  "so",    "um",
     "und",   "uns",   "unter",  "vom",    "von",   "vor",   "war",  "waren", "was",   "wenn",
     "wer",   "wie",   "wir",    "wird",   "zu",    "zum",   "zur",  "über"});
constexpr auto kSpanish = std::to_array<std::string_view>(
    {"a",     "al",    "ante",    "como",  "con",   "cual", "cuando", "de",    "del",  "desde",
     "donde", "el",    "ella",    "ellas", "ellos", "en",   "entre",  "era",   "es",   "esa",
     "ese",   "eso",   "esta",    "estas", "este",  "esto", "estos",  "está",  "fue",  "ha",
     "han",   "hasta", "la",      "las",   "le",    "les",  "lo",     "los",   "me",   "mi",
     "mis",   "muy",   "más",     "ni",    "no",    "nos",  "o",      "para",  "pero", "por",
     "que",   "quien", "qué",     "se",    "ser",   "si",   "sin",    "sobre", "son",  "su",
     "sus",   "sí",    "también", "te",    "ti",    "tu",   "tus",    "un",    "una",  "uno",
     "unos",  "y",     "ya",      "yo",    "él"});
static_assert(std::ranges::is_sorted(kEnglish));
static_assert(std::ranges::is_sorted(kFrench));
static_assert(std::ranges::is_sorted(kGerman));
static_assert(std::ranges::is_sorted(kSpanish));

std::span<const std::string_view> list_of(std::string_view language) noexcept {
  if (language == "english") return kEnglish;
  if (language == "french") return kFrench;
  if (language == "german") return kGerman;
  if (language == "spanish") return kSpanish;
  return {};
}

}  // namespace

bool is_stop_word(std::string_view language, std::string_view word) noexcept {
  const std::span<const std::string_view> list = list_of(language);
  return std::binary_search(list.begin(), list.end(), word);
}

}  // namespace viridian::text
