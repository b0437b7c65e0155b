#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace viridian::text {

// What stands between the brackets of an RE2 class for the classes of Unicode TR 18, annex C.

/// \w: letters, marks, decimal digits, connecting punctuation, joiners, and the circled and squared
/// letters, which are symbols by category but alphabetic.
inline constexpr std::string_view kWord =
    R"(\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169})"
    R"(\x{1F170}-\x{1F189}\x{200C}\x{200D})";
inline constexpr std::string_view kSpace =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F})"
    R"(\x{3000})";
inline constexpr std::string_view kNotSpace =
    R"(\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF})"
    R"(\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
/// \W: the complement of kWord by ranges, since RE2 has no complement inside a class.
const std::string& not_word();

/// \p{name} or, negated, \P{name}, for a name as Rust takes it: by long or short name, any case,
/// `gc=` or `sc=` before it. Unset where it is none that RE2 knows (as far as can be told here).
std::optional<std::string> property(std::string_view name, bool negated);

}  // namespace viridian::text
