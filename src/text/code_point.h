#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "codec/utf8.h"

namespace viridian::text {

struct CodePoint {
  uint32_t value = 0;
  size_t bytes = 0;  ///< of its UTF-8; 0: there is none
};

/// The character at text[at].
inline CodePoint code_point_at(std::string_view text, size_t at) {
  const size_t bytes = json::utf8_length(text, at);
  if (bytes == 0) return {};
  const auto byte = [&](size_t i) -> uint32_t { return static_cast<unsigned char>(text[at + i]); };
  if (bytes == 1) return {byte(0), 1};
  uint32_t value = byte(0) & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) value = value << 6 | (byte(i) & 0x3F);
  return {value, bytes};
}

}  // namespace viridian::text
