#pragma once
#include <string>
#include <string_view>

#include "viridian/base/result.h"

namespace viridian::text {

/// The pattern of Rust's `regex` crate in RE2's syntax. Groups come out without captures. Refuses,
/// with "Regex syntax error: …", what RE2 would take in another sense than Rust; what both refuse
/// may come through for RE2 to refuse.
Result<std::string> to_re2(std::string_view rust_pattern);

/// Such a pattern with its literals marked, to find out which texts a match must hold: RE2 tells
/// them in lower case, whatever the pattern says. Literal characters below U+10000, outside of
/// classes and (?i), are moved up by kMarked, to where characters have no case. Refuses what
/// to_re2() refuses, and patterns that have characters from U+C0000 on themselves.
Result<std::string> to_marked_re2(std::string_view rust_pattern);
inline constexpr char32_t kMarked = 0xF0000;

}  // namespace viridian::text
