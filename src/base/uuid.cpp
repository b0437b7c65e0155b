#include "viridian/base/uuid.h"

#include <sys/random.h>

#include <cstdlib>
#include <cstring>

namespace viridian {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool hyphen_before(size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

std::optional<Uuid> parse_digits(std::string_view text, bool hyphens) {
  Uuid id;
  size_t at = 0;
  for (size_t byte = 0; byte < id.bytes.size(); ++byte) {
    if (hyphens && hyphen_before(byte) && text[at++] != '-') return std::nullopt;
    const int high = hex_digit(text[at++]);
    const int low = hex_digit(text[at++]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[byte] = static_cast<uint8_t>(high * 16 + low);
  }
  return id;
}

}  // namespace

Uuid Uuid::random() {
  Uuid id;
  size_t filled = 0;
  while (filled < id.bytes.size()) {
    const ssize_t got = getrandom(id.bytes.data() + filled, id.bytes.size() - filled, 0);
    if (got > 0)
      filled += static_cast<size_t>(got);
    else if (errno != EINTR)
      std::abort();  // no randomness: ids would collide
  }
  id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  constexpr std::string_view kUrn = "urn:uuid:";
  if (text.substr(0, kUrn.size()) == kUrn)
    text.remove_prefix(kUrn.size());
  else if (text.size() == 38 && text.front() == '{' && text.back() == '}')
    text = text.substr(1, 36);
  if (text.size() == 36) return parse_digits(text, true);
  if (text.size() == 32) return parse_digits(text, false);
  return std::nullopt;
}

std::optional<Uuid> Uuid::parse_canonical(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  for (const char c : text)
    if (c >= 'A' && c <= 'F') return std::nullopt;
  return parse_digits(text, true);
}

std::string Uuid::to_string() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t byte = 0; byte < bytes.size(); ++byte) {
    if (hyphen_before(byte)) text.push_back('-');
    text.push_back(kDigits[bytes[byte] >> 4]);
    text.push_back(kDigits[bytes[byte] & 15]);
  }
  return text;
}

}  // namespace viridian

size_t std::hash<viridian::Uuid>::operator()(const viridian::Uuid& id) const noexcept {
  uint64_t halves[2];
  std::memcpy(halves, id.bytes.data(), sizeof halves);
  return static_cast<size_t>(halves[0] ^ (halves[1] * 0x9e3779b97f4a7c15ULL));
}
