#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace viridian::text {

/// A word of a text, by its bytes.
struct Word {
  size_t begin = 0;
  size_t end = 0;
  /// One character of a script that is written without spaces between words (with what combines
  /// with it), rather than a whole word.
  bool character = false;
  bool ascii = false;  ///< has no other bytes
};

/// Whether an apostrophe between letters is part of a word (English "don't") or stands between two
/// (French "l'eau").
enum class Apostrophe : uint8_t { joins, separates };

/// Splits a text into words: runs of letters, digits, marks and other numbers by Unicode's general
/// categories, near to the word boundaries of Unicode TR 29 with numbers cut at points and names at
/// underscores. Ideographs, kana and hangul are words of one character. Bytes that are no UTF-8 are
/// between words. Not thread-safe; the text must outlive it.
class WordScanner {
 public:
  explicit WordScanner(std::string_view text, Apostrophe apostrophe = Apostrophe::joins,
                       size_t begin = 0) noexcept
      : text_(text), apostrophe_(apostrophe), at_(begin) {}

  /// False at the end of the text.
  [[nodiscard]] bool next(Word& word) noexcept;

 private:
  void extend_word(Word& word) const noexcept;
  size_t apostrophe_at(size_t at) const noexcept;

  std::string_view text_;
  Apostrophe apostrophe_;
  size_t at_;
};

}  // namespace viridian::text
