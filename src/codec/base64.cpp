#include "codec/base64.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

static_assert(std::endian::native == std::endian::little, "floats travel in little-endian order");

namespace viridian::codec {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNone = 0xFF;

constexpr std::array<uint8_t, 256> make_values() {
  std::array<uint8_t, 256> values{};
  values.fill(kNone);
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<uint8_t>(i);
  return values;
}
constexpr std::array<uint8_t, 256> kValues = make_values();

Error bad_base64(std::string_view what) {
  return Error(Code::invalid_argument, fmt::format("Invalid base64 string: {}", what));
}

Error bad_symbol(std::string_view text, size_t offset) {
  return bad_base64(fmt::format("Invalid symbol {}, offset {}.",
                                static_cast<unsigned char>(text[offset]), offset));
}

/// How many symbols stand before the padding; checks symbols and padding.
Result<size_t> count_symbols(std::string_view text) {
  size_t symbols = text.size();
  while (symbols > 0 && text.size() - symbols < 2 && text[symbols - 1] == '=') --symbols;
  // One look at all of them first: values have no bit above the sixth, kNone has.
  uint8_t seen = 0;
  for (size_t i = 0; i < symbols; ++i) seen |= kValues[static_cast<unsigned char>(text[i])];
  for (size_t i = 0; seen > 63 && i < symbols; ++i)
    if (kValues[static_cast<unsigned char>(text[i])] == kNone) return bad_symbol(text, i);
  const size_t due = (4 - symbols % 4) % 4;
  if (due == 3 || text.size() - symbols != due) return bad_base64("Invalid padding");
  return symbols;
}

}  // namespace

std::string encode_floats(std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < have ? std::to_integer<uint32_t>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j)
      out.push_back(j <= have ? kAlphabet[group >> (18 - 6 * j) & 63] : '=');
  }
  return out;
}

Result<size_t> decode_floats(std::string_view text, FloatBuffer& out) {
  VIRIDIAN_TRY(const size_t symbols, count_symbols(text));
  const size_t bytes = symbols / 4 * 3 + (symbols % 4 == 0 ? 0 : symbols % 4 - 1);
  const auto value = [&](size_t i) -> uint32_t {
    return kValues[static_cast<unsigned char>(text[i])];
  };
  const size_t whole = symbols / 4 * 4, rest = symbols % 4;
  // Bits behind the last byte would be lost, so two texts would mean the same floats.
  if (rest != 0 && (value(symbols - 1) & (rest == 2 ? 15 : 3)) != 0)
    return bad_base64(fmt::format("Invalid last symbol {}, offset {}.",
                                  static_cast<unsigned char>(text[symbols - 1]), symbols - 1));
  if (bytes % sizeof(float) != 0)
    return Error(Code::invalid_argument,
                 fmt::format("Invalid byte length: {} bytes cannot be converted to f32 values "
                             "(must be divisible by 4)",
                             bytes));
  const size_t count = bytes / sizeof(float), begin = out.size();
  if (count == 0) return count;
  out.resize(begin + count);
  auto* byte = reinterpret_cast<unsigned char*>(out.data() + begin);
  const auto put = [&byte](uint32_t bits) { *byte++ = static_cast<unsigned char>(bits); };
  for (size_t i = 0; i < whole; i += 4) {
    const uint32_t group = value(i) << 18 | value(i + 1) << 12 | value(i + 2) << 6 | value(i + 3);
    put(group >> 16);
    put(group >> 8);
    put(group);
  }
  if (rest >= 2) put(value(whole) << 2 | value(whole + 1) >> 4);
  if (rest == 3) put(value(whole + 1) << 4 | value(whole + 2) >> 2);
  for (size_t i = 0; i < count; ++i)
    if (const float number = out[begin + i]; !std::isfinite(number))
      return Error(Code::invalid_argument,
                   fmt::format("Non-finite float value at embedding index {}: {}", i,
                               std::isnan(number) ? "NaN"
                               : number > 0       ? "inf"
                                                  : "-inf"));
  return count;
}

}  // namespace viridian::codec
