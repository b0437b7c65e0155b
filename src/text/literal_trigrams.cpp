#include "text/literal_trigrams.h"

#include <algorithm>
#include <span>
#include <string>

#include "text/code_point.h"
#include "text/rust_pattern.h"

namespace viridian::text {
namespace {

/// What may stand in a document for one character of an atom, in UTF-8. Nothing: it is not known.
using Letter = std::vector<std::string>;

std::string utf8(uint32_t code_point) {
  std::string text;
  json::append_utf8(text, code_point);
  return text;
}

bool is_ascii_letter(uint32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// No character is folded to this one: in the scripts of East Asia, and from the pictographs on.
bool has_no_case(uint32_t c) {
  return (c >= 0x2E80 && c < 0xA640) || (c >= 0xAC00 && c < 0xD7A4) || c >= 0x1F000;
}

Letter letter(uint32_t c) {
  if (c >= kMarked) return {utf8(c - kMarked)};
  if (c < 0x80 && !is_ascii_letter(c)) return {utf8(c)};
  if (c >= 0x80) return has_no_case(c) ? Letter{utf8(c)} : Letter{};
  Letter variants{utf8(c | 0x20), utf8(c & ~0x20U)};
  // The two characters beyond ASCII that are folded to one of ASCII: Kelvin sign and long s.
  if ((c | 0x20) == 'k') variants.push_back(utf8(0x212A));
  if ((c | 0x20) == 's') variants.push_back(utf8(0x017F));
  return variants;
}

/// The first three bytes of all that the letters can be; nothing where these may be fewer.
std::vector<Trigram> first_trigrams(std::span<const Letter> letters) {
  std::vector<std::string> heads{""};
  const auto is_short = [](const std::string& head) { return head.size() < 3; };
  while (std::any_of(heads.begin(), heads.end(), is_short)) {
    if (letters.empty() || letters.front().empty()) return {};
    std::vector<std::string> longer;
    for (const std::string& head : heads) {
      if (!is_short(head))
        longer.push_back(head);
      else
        for (const std::string& variant : letters.front()) longer.push_back(head + variant);
    }
    heads = std::move(longer);
    letters = letters.subspan(1);
  }
  std::vector<Trigram> trigrams;
  for (const std::string& head : heads) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(head[i]); };
    trigrams.push_back(trigram(byte(0), byte(1), byte(2)));
  }
  std::sort(trigrams.begin(), trigrams.end());
  trigrams.erase(std::unique(trigrams.begin(), trigrams.end()), trigrams.end());
  return trigrams;
}

/// Characters of several bytes have a trigram from each byte on.
void split_bytes(std::vector<Letter>& letters) {
  std::vector<Letter> split;
  for (const Letter& one : letters) {
    if (one.size() != 1) {
      split.push_back(one);
      continue;
    }
    for (const char c : one.front()) split.push_back({std::string(1, c)});
  }
  letters = std::move(split);
}

}  // namespace

std::vector<std::vector<Trigram>> literal_trigrams(std::string_view atom, size_t most) {
  std::vector<Letter> letters;
  for (size_t at = 0; at < atom.size();) {
    const CodePoint c = code_point_at(atom, at);
    letters.push_back(c.bytes == 0 ? Letter{} : letter(c.value));
    at += std::max<size_t>(c.bytes, 1);
  }
  split_bytes(letters);
  std::vector<std::vector<Trigram>> sets;
  for (size_t at = 0; at < letters.size(); ++at) {
    auto trigrams = first_trigrams(std::span(letters).subspan(at));
    if (!trigrams.empty()) sets.push_back(std::move(trigrams));
  }
  if (sets.size() <= most) return sets;
  std::vector<std::vector<Trigram>> spread;
  for (size_t i = 0; i < most; ++i) spread.push_back(std::move(sets[i * sets.size() / most]));
  return spread;
}

}  // namespace viridian::text
