#pragma once
#include <string_view>

namespace viridian::text {

/// Whether `word`, in small letters, is so common in the language (Snowball's name of it) that it
/// tells little: articles, pronouns, prepositions, auxiliaries. There are lists for English,
/// French, German and Spanish; other languages have none.
bool is_stop_word(std::string_view language, std::string_view word) noexcept;

}  // namespace viridian::text
