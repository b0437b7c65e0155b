#include "clickhouse/literal.h"

namespace viridian::clickhouse {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

/// `quote`, the bytes with escapes, `quote`. What is not printable ASCII is written as \xHH, which
/// every server understands whatever the bytes mean in UTF-8.
std::string quoted(std::string_view bytes, char quote) {
  std::string text;
  text.reserve(bytes.size() + 2);
  text += quote;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == quote) {
      text += '\\';
      text += c;
    } else if (byte < 0x20 || byte >= 0x7F) {
      text += "\\x";
      text += kHex[byte >> 4];
      text += kHex[byte & 15];
    } else {
      text += c;
    }
  }
  text += quote;
  return text;
}

}  // namespace

std::string literal(std::string_view bytes) { return quoted(bytes, '\''); }

std::string literal(const Uuid& uuid) { return "toUUID('" + uuid.to_string() + "')"; }

std::string literals(std::span<const Uuid> uuids) {
  std::string list;
  for (const Uuid& uuid : uuids) {
    if (!list.empty()) list += ", ";
    list += literal(uuid);
  }
  return list;
}

std::string identifier(std::string_view name) { return quoted(name, '`'); }

}  // namespace viridian::clickhouse
