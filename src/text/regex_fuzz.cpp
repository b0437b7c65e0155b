#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/regex.h"

/// The input up to its first line break is a pattern, the rest a text. Neither may crash, hang or
/// take memory without bound; an accepted pattern must answer the same twice.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = input.find('\n');
  const auto regex = viridian::Regex::compile(input.substr(0, split));
  if (!regex.ok()) {
    if (!regex.error().message().starts_with("Regex syntax error: ")) __builtin_trap();
    return 0;
  }
  const std::string_view text =
      split == std::string_view::npos ? std::string_view() : input.substr(split + 1);
  if (regex->matches(text) != regex->matches(text)) __builtin_trap();
  return 0;
}
