#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace viridian {

/// A 128-bit identifier. The all-zero value is the default.
struct Uuid {
  std::array<uint8_t, 16> bytes{};

  /// A random version-4 UUID from the operating system's generator.
  static Uuid random();
  /// Any usual text form: upper or lower case, with or without hyphens, braces or "urn:uuid:".
  static std::optional<Uuid> parse(std::string_view text);
  /// Only the canonical form: 36 characters, lower case, hyphenated. What to_string() gives back
  /// is then equal to the input, byte for byte.
  static std::optional<Uuid> parse_canonical(std::string_view text);
  /// Lower case, hyphenated.
  std::string to_string() const;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace viridian

template <>
struct std::hash<viridian::Uuid> {
  size_t operator()(const viridian::Uuid& id) const noexcept;
};
