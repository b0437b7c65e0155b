#include "text/unicode_classes.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

namespace viridian::text {
namespace {

void append_utf8(std::string& text, uint32_t c) {
  const auto tail = [&](unsigned shift) {
    text.push_back(static_cast<char>(0x80 | ((c >> shift) & 0x3F)));
  };
  if (c < 0x80) {
    text.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    text.push_back(static_cast<char>(0xC0 | (c >> 6)));
    tail(0);
  } else if (c < 0x10000) {
    text.push_back(static_cast<char>(0xE0 | (c >> 12)));
    tail(6);
    tail(0);
  } else {
    text.push_back(static_cast<char>(0xF0 | (c >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

size_t scalars(re2::StringPiece text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// Asks RE2 which characters are word characters: its tables and no others must be complemented.
std::string complement_of_word() {
  std::string all;
  for (uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c < 0xD800 || c > 0xDFFF) append_utf8(all, c);
  }
  const re2::RE2 word(fmt::format("[{}]+", kWord)), other(fmt::format("[^{}]+", kWord));
  std::string ranges;
  // A position in the text, in characters, is a code point less the surrogates before it.
  const auto code_point = [](size_t i) { return i < 0xD800 ? i : i + 0x800; };
  re2::StringPiece run;
  for (size_t byte = 0, position = 0; byte < all.size(); byte += run.size()) {
    const bool outside = other.Match(all, byte, all.size(), re2::RE2::ANCHOR_START, &run, 1);
    if (!outside && !word.Match(all, byte, all.size(), re2::RE2::ANCHOR_START, &run, 1)) break;
    const size_t next = position + scalars(run);
    if (outside) {
      ranges += fmt::format("\\x{{{:X}}}-\\x{{{:X}}}", code_point(position), code_point(next - 1));
    }
    position = next;
  }
  return ranges;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 38> kCategories = {{
    {"letter", "L"},
    {"casedletter", "LC"},
    {"uppercaseletter", "Lu"},
    {"lowercaseletter", "Ll"},
    {"titlecaseletter", "Lt"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"mark", "M"},
    {"combiningmark", "M"},
    {"nonspacingmark", "Mn"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"number", "N"},
    {"decimalnumber", "Nd"},
    {"digit", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"punctuation", "P"},
    {"punct", "P"},
    {"connectorpunctuation", "Pc"},
    {"dashpunctuation", "Pd"},
    {"openpunctuation", "Ps"},
    {"closepunctuation", "Pe"},
    {"initialpunctuation", "Pi"},
    {"finalpunctuation", "Pf"},
    {"otherpunctuation", "Po"},
    {"symbol", "S"},
    {"mathsymbol", "Sm"},
    {"currencysymbol", "Sc"},
    {"modifiersymbol", "Sk"},
    {"othersymbol", "So"},
    {"separator", "Z"},
    {"spaceseparator", "Zs"},
    {"lineseparator", "Zl"},
    {"paragraphseparator", "Zp"},
    {"control", "Cc"},
    {"format", "Cf"},
    {"privateuse", "Co"},
}};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

/// As Unicode compares names of properties: case, spaces, hyphens and underscores do not count.
std::string loose(std::string_view name) {
  std::string result;
  for (char c : name) {
    if (c != ' ' && c != '_' && c != '-') result.push_back(lower(c));
  }
  return result;
}

/// "old_italic" to "Old_Italic", as RE2 spells scripts.
std::string script_name(std::string_view name) {
  std::string result;
  for (char c : name) {
    const bool first = result.empty() || result.back() == '_';
    result.push_back(c == ' ' || c == '-' ? '_' : first ? upper(c) : lower(c));
  }
  return result;
}

}  // namespace

const std::string& not_word() {
  static const std::string ranges = complement_of_word();
  return ranges;
}

std::optional<std::string> property(std::string_view name, bool negated) {
  if (const size_t sign = name.find_first_of("=:"); sign != std::string_view::npos) {
    std::string_view kind = name.substr(0, sign);
    if (kind.ends_with('!')) {
      kind.remove_suffix(1);
      negated = !negated;
    }
    const std::string wanted = loose(kind);
    if (wanted != "gc" && wanted != "generalcategory" && wanted != "sc" && wanted != "script") {
      return std::nullopt;
    }
    name.remove_prefix(sign + 1);
  }
  const std::string plain = loose(name);
  if (plain.empty()) return std::nullopt;
  if (plain == "any") return negated ? std::nullopt : std::optional(R"(\x{0}-\x{10FFFF})");
  if (plain == "ascii") return negated ? R"(\x{80}-\x{10FFFF})" : R"(\x{0}-\x{7F})";
  if (plain == "whitespace" || plain == "space") {
    return std::string(negated ? kNotSpace : kSpace);
  }
  std::string exact;
  for (const auto& [long_name, short_name] : kCategories) {
    if (plain == long_name) exact = short_name;
  }
  if (exact.empty() && plain.size() <= 2) {
    exact.push_back(upper(plain[0]));
    exact += plain.substr(1);
  } else if (exact.empty()) {
    exact = script_name(name);
  }
  if (exact == "LC" || exact == "Lc") {
    if (negated) return std::nullopt;
    return R"(\p{Lu}\p{Ll}\p{Lt})";
  }
  const bool plain_name =
      std::all_of(exact.begin(), exact.end(), [](char c) { return is_letter(c) || c == '_'; });
  if (!plain_name) return std::nullopt;
  return fmt::format("\\{}{{{}}}", negated ? 'P' : 'p', exact);
}

}  // namespace viridian::text
