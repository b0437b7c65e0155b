#include "text/words.h"

#include <utf8proc.h>

#include <array>

namespace viridian::text {
namespace {

enum class Kind : uint8_t {
  other,      ///< between words
  letter,     ///< of a word: letters and digits
  character,  ///< a word by itself
  mark,       ///< goes on with what is before it
  joiner,     ///< likewise, but is not seen: soft hyphens, joiners
};

struct Character {
  uint32_t code_point = 0;
  size_t bytes = 1;
  Kind kind = Kind::other;
};

constexpr std::array<bool, 128> ascii_words() {
  std::array<bool, 128> table{};
  for (char c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = true;
  return table;
}
constexpr std::array<bool, 128> kAsciiWord = ascii_words();

/// Blocks of Han, Kana and Hangul (Unicode's Blocks.txt). Jamo that combine are not among them:
/// what they combine to is a run of letters.
constexpr std::array<std::array<uint32_t, 2>, 11> kCharacters = {{{0x2E80, 0x2FDF},
                                                                  {0x3005, 0x3007},
                                                                  {0x3041, 0x30FF},
                                                                  {0x3130, 0x318F},
                                                                  {0x31F0, 0x31FF},
                                                                  {0x3400, 0x4DBF},
                                                                  {0x4E00, 0x9FFF},
                                                                  {0xAC00, 0xD7A3},
                                                                  {0xF900, 0xFAFF},
                                                                  {0xFF66, 0xFFDC},
                                                                  {0x20000, 0x323AF}}};

bool is_character(uint32_t c) {
  if (c < kCharacters.front()[0]) return false;
  for (const auto& [first, last] : kCharacters)
    if (c >= first && c <= last) return true;
  return false;
}

/// Sound marks of half width, letters by category, change the kana before them.
bool is_sound_mark(uint32_t c) { return c == 0xFF9E || c == 0xFF9F; }
bool is_joiner(uint32_t c) { return c == 0xAD || c == 0x200C || c == 0x200D || c == 0x2060; }

Kind kind_of(uint32_t c) {
  if (is_joiner(c)) return Kind::joiner;
  if (is_sound_mark(c)) return Kind::mark;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return is_character(c) ? Kind::character : Kind::letter;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return Kind::mark;
    default:
      return Kind::other;
  }
}

bool is_ascii(std::string_view text) {
  unsigned bits = 0;
  for (const char c : text) bits |= static_cast<unsigned char>(c);
  return bits < 0x80;
}

/// The character at `at`, which is within the text.
Character character_at(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1, kAsciiWord[lead] ? Kind::letter : Kind::other};
  utf8proc_int32_t c = 0;
  const utf8proc_ssize_t bytes =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                       static_cast<utf8proc_ssize_t>(text.size() - at), &c);
  if (bytes <= 0) return {};
  const auto code_point = static_cast<uint32_t>(c);
  return {code_point, static_cast<size_t>(bytes), kind_of(code_point)};
}

}  // namespace

bool WordScanner::next(Word& word) noexcept {
  while (at_ < text_.size()) {
    const Character c = character_at(text_, at_);
    if (c.kind == Kind::other || c.kind == Kind::joiner) {
      at_ += c.bytes;
      continue;
    }
    word = {at_, at_ + c.bytes, c.kind == Kind::character, false};
    extend_word(word);
    word.ascii = is_ascii(text_.substr(word.begin, word.end - word.begin));
    at_ = word.end;
    return true;
  }
  return false;
}

void WordScanner::extend_word(Word& word) const noexcept {
  for (size_t at = word.end; at < text_.size();) {
    const Character c = character_at(text_, at);
    size_t end = at + c.bytes;
    if (word.character && c.kind != Kind::mark) return;
    if (c.kind == Kind::character) return;
    if (c.kind == Kind::other) {
      if (word.character) return;
      end = apostrophe_at(at);
      if (end == at) return;
    }
    at = end;
    if (c.kind == Kind::joiner) continue;  // counts only with more of the word behind it
    word.end = end;
  }
}

/// Where an apostrophe at `at`, and the letter behind it that makes it one of a word, end; or `at`.
size_t WordScanner::apostrophe_at(size_t at) const noexcept {
  if (apostrophe_ == Apostrophe::separates) return at;
  const Character c = character_at(text_, at);
  if (c.code_point != '\'' && c.code_point != 0x2019) return at;
  const size_t behind = at + c.bytes;
  if (behind >= text_.size()) return at;
  const Character letter = character_at(text_, behind);
  return letter.kind == Kind::letter ? behind + letter.bytes : at;
}

}  // namespace viridian::text
