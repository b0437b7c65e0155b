#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include "postings/row_set.h"

// What a trigram index is made of, for its builder and its reader: a Header, Pages, the entries of
// their trigrams, and lists of rows (docs/file-formats.md, "Trigram index").
namespace viridian::text {

static_assert(std::endian::native == std::endian::little, "an index is kept as it lies in memory");

/// Three consecutive bytes of a text, the first one in the highest bits.
using Trigram = uint32_t;

constexpr Trigram trigram(unsigned char a, unsigned char b, unsigned char c) {
  return Trigram{a} << 16 | Trigram{b} << 8 | c;
}

/// Stands twice after each document, so that its last bytes begin trigrams, too. Never in UTF-8.
inline constexpr unsigned char kTerminator = 0xFF;

namespace trigram_format {

inline constexpr uint32_t kVersion = 1;
/// A lookup reads half a page's entries on average, one after the other; a page costs 16 bytes.
inline constexpr uint32_t kPageTrigrams = 64;

struct Header {
  uint32_t version;
  uint32_t rows;
  uint32_t trigrams;
  uint32_t entry_bytes;  ///< of all pages
};

/// Of kPageTrigrams trigrams, the last page of fewer. The entry of a trigram: what it is greater
/// than the one before it in the page (0 for the first), and its number of rows, both in LEB128.
struct Page {
  Trigram first;
  uint32_t entries_begin;  ///< after the first page's
  uint64_t lists_begin;    ///< after the first list's
};

/// Of a trigram in more than half of the rows, those without it are listed.
constexpr bool lists_others(uint32_t count, uint32_t rows) { return count > rows / 2; }
constexpr uint32_t listed(uint32_t count, uint32_t rows) {
  return lists_others(count, rows) ? rows - count : count;
}

}  // namespace trigram_format
}  // namespace viridian::text
