#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace viridian::documents {

/// At most `bytes` of what recurs in `text`, for a compressor to refer to: of each of as many parts
/// of the text as are needed, the segment whose substrings of 8 bytes are the most frequent ones,
/// substrings counting once (COVER: Liao, Petri, Moffat, Wirth, "Effective Construction of Relative
/// Lempel-Ziv Dictionaries", WWW 2016, with fixed lengths). Of a long text evenly spread pieces are
/// looked at, 1 MiB together. Empty where nothing recurs. The best segments come last, where they
/// stay within a compressor's reach the longest. The same for the same arguments on every machine.
std::string choose_dictionary(std::string_view text, size_t bytes);

}  // namespace viridian::documents
