#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

#include "text/trigram_format.h"

namespace viridian::text {

/// The trigrams that a document has which holds `atom`, a text that RE2 made lower-case out of a
/// pattern by to_marked_re2(): of each set one at least. At most `most` sets, evenly spread; none
/// where the atom is short, or has only characters that may stand for unknown others.
std::vector<std::vector<Trigram>> literal_trigrams(std::string_view atom, size_t most);

}  // namespace viridian::text
