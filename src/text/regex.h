#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>

#include "viridian/base/result.h"

namespace viridian {

/// A regular expression that says whether it matches somewhere in a text. Time is linear in the
/// text, memory bounded. Patterns are those of Rust's `regex` crate, in Unicode mode:
///  - `\d \w \s` and their negations, also inside brackets, and `(?i)` mean Unicode characters;
///  - `.` does not match "\n" unless (?s); `^` and `$` are the ends of the text unless (?m);
///  - groups `(…)`, `(?:…)`, `(?<n>…)`, `(?P<n>…)`; flags `i m s x U u` for a group or from here
///  on;
///  - in (?x), white space and `#` comments do not count, outside brackets and inside.
///
/// Three differences remain:
///  - `\b` and `\B` know ASCII word characters only ([0-9A-Za-z_]): the engine has no others. Where
///    a non-ASCII letter or digit stands next to the place, `\b` does not hold between it and a
///    space (`é\b` does not match "é "), and does hold between it and an ASCII letter.
///  - Refused though Rust takes them: brackets inside brackets and the operators `&&`, `--`, `~~`;
///    repetition of more than 1000; Unicode properties other than general categories, scripts and
///    White_Space, ASCII, Any; the flag R; `\b{…}`, `\<`, `\>`.
///  - (?i-u) still folds K with the Kelvin sign and s with the long s.
///
/// A pattern without any operator is searched for as a text: whatever its length, each byte of the
/// document is looked at about once. Else, in the worst case, which few patterns with few documents
/// reach, a byte takes a nanosecond for each of the at most 260,000 steps that a pattern has.
///
/// Move-only; immutable, so matches() is thread-safe.
class Regex {
 public:
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  /// Bytes that a pattern may have, and about as many as one compiled expression may take.
  static constexpr size_t kPatternBytesMax = 64 << 10;
  static constexpr size_t kMemoryMax = 16 << 20;
  /// What each of so many expressions that are in use together may take.
  static constexpr size_t memory_of_each(size_t expressions) noexcept {
    return std::min(kMemoryMax, kMemoryTogether / std::max<size_t>(expressions, 1));
  }

  /// `memory`: about what it may take, at most kMemoryMax.
  ///   invalid_argument  not a pattern, one with look-around or back-references, or one that
  ///                     compiles too large; the message begins "Regex syntax error: "
  static Result<Regex> compile(std::string_view rust_pattern, size_t memory = kMemoryMax);

  /// Whether the text, which must be UTF-8, holds a match anywhere.
  bool matches(std::string_view document) const;

 private:
  static constexpr size_t kMemoryTogether = 256 << 20;

  struct Compiled;
  explicit Regex(std::unique_ptr<const Compiled> compiled);

  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace viridian
