#include "engine/cursor.h"

#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/hash.h"

namespace viridian::engine {
namespace {

// A cursor's bytes: version (1), hash of the order (8), offset (8), per key a value's type (1), and
// its 8 bytes, or its length (8) and text; then a hash of all of this (4), so that one that was cut
// off or mistyped is refused.
constexpr uint8_t kVersion = 1;
constexpr size_t kHashBytes = 4;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

template <class T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
bool take(std::string_view& bytes, T& value) {
  if (bytes.size() < sizeof value) return false;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return true;
}

uint64_t hash_of(const std::vector<SortKey>& order_by) {
  std::string text;
  for (const SortKey& key : order_by) {
    append(text, uint64_t{key.key.size()});
    text += key.key;
    text.push_back(key.descending ? 'd' : 'a');
  }
  return hash64(text);
}

uint32_t check_sum(std::string_view bytes) { return static_cast<uint32_t>(hash64(bytes)); }

std::string encode(std::string_view bytes) {
  std::string out;
  uint32_t group = 0, bits = 0;
  for (const char byte : bytes) {
    group = (group << 8 | static_cast<unsigned char>(byte)) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6) out.push_back(kAlphabet[group >> (bits - 6) & 63]);
  }
  if (bits > 0) out.push_back(kAlphabet[group << (6 - bits) & 63]);
  return out;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  uint32_t group = 0, bits = 0;
  for (const char symbol : text) {
    const size_t value = kAlphabet.find(symbol);
    if (value == std::string_view::npos) return std::nullopt;
    group = (group << 6 | static_cast<uint32_t>(value)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>(group >> bits & 0xff));
  }
  return out;
}

void append_value(std::string& out, const MetadataValue& value) {
  const double* number = std::get_if<double>(&value);
  const bool scalar = value.index() <= static_cast<size_t>(MetadataType::string);
  const bool placed = scalar && !(number != nullptr && std::isnan(*number));
  out.push_back(static_cast<char>(placed ? type_of(value) : MetadataType::null));
  if (!placed) return;
  if (const bool* flag = std::get_if<bool>(&value)) append(out, uint64_t{*flag});
  if (const int64_t* whole = std::get_if<int64_t>(&value)) append(out, *whole);
  if (number != nullptr) append(out, *number);
  if (const std::string* text = std::get_if<std::string>(&value)) {
    append(out, uint64_t{text->size()});
    out += *text;
  }
}

std::optional<MetadataValue> take_value(std::string_view& bytes) {
  uint8_t type = 0;
  if (!take(bytes, type)) return std::nullopt;
  uint64_t number = 0;
  int64_t whole = 0;
  double floating = 0;
  switch (static_cast<MetadataType>(type)) {
    case MetadataType::null:
      return MetadataValue();
    case MetadataType::boolean:
      if (!take(bytes, number)) return std::nullopt;
      return MetadataValue(number != 0);
    case MetadataType::integer:
      if (!take(bytes, whole)) return std::nullopt;
      return MetadataValue(whole);
    case MetadataType::floating:
      if (!take(bytes, floating)) return std::nullopt;
      return MetadataValue(floating);
    case MetadataType::string: {
      if (!take(bytes, number) || number > bytes.size()) return std::nullopt;
      std::string text(bytes.substr(0, number));
      bytes.remove_prefix(number);
      return MetadataValue(std::move(text));
    }
    default:
      return std::nullopt;
  }
}

Error bad_cursor(std::string_view why) {
  return Error(Code::invalid_argument, "Validation error: cursor: " + std::string(why));
}

}  // namespace

std::string write_cursor(const std::vector<SortKey>& order_by, const SortPosition& position) {
  std::string bytes;
  append(bytes, kVersion);
  append(bytes, hash_of(order_by));
  append(bytes, position.offset);
  for (const MetadataValue& value : position.values) append_value(bytes, value);
  append(bytes, check_sum(bytes));
  return encode(bytes);
}

Result<SortPosition> read_cursor(const std::vector<SortKey>& order_by, std::string_view cursor) {
  const std::optional<std::string> decoded = decode(cursor);
  const Error none = bad_cursor("it is not a next_cursor that an answer had");
  if (!decoded || decoded->size() < kHashBytes) return none;
  std::string_view left = *decoded;
  std::string_view sum = left.substr(left.size() - kHashBytes);
  left.remove_suffix(kHashBytes);
  uint32_t wanted = 0;
  if (!take(sum, wanted) || wanted != check_sum(left)) return none;
  uint8_t version = 0;
  uint64_t order = 0;
  SortPosition position;
  if (!take(left, version) || version != kVersion || !take(left, order)) return none;
  if (order != hash_of(order_by)) return bad_cursor("it belongs to another order_by");
  if (!take(left, position.offset)) return none;
  for (size_t i = 0; i < order_by.size(); ++i) {
    std::optional<MetadataValue> value = take_value(left);
    if (!value) return none;
    position.values.push_back(*std::move(value));
  }
  if (!left.empty()) return none;
  return position;
}

}  // namespace viridian::engine
