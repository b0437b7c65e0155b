#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "viridian/base/result.h"
#include "viridian/base/settings.h"

namespace viridian::config {

enum class Type : uint8_t {
  text,
  integer,
  boolean,       ///< true or false
  choice,        ///< one of Key::choices
  bytes,         ///< a number of bytes; "64MiB" and the like are understood
  milliseconds,  ///< a number of milliseconds; "90s" and the like are understood
  share,         ///< a number above 0, at most 1
};

/// One setting: the table in keys.cpp is the only place where settings are declared.
struct Key {
  std::string_view name;
  Type type = Type::text;
  std::string_view default_value;
  std::string_view description;
  int64_t min = 0;  ///< min and max are for integers only
  int64_t max = std::numeric_limits<int64_t>::max();
  std::string_view choices = {};  ///< separated by '|'
};

/// All settings, in the order of the reference page.
std::span<const Key> keys();
/// Null where there is no such key.
const Key* find_key(std::string_view name);
/// The key whose name differs least from `name`; never empty.
std::string_view nearest_key(std::string_view name);

/// What a value may be, in words: "an integer from 0 to 65535".
std::string allowed(const Key& key);
/// The value as Settings keeps it: integers as plain decimal digits, shares as the shortest text
/// for the same number, booleans as true or false.
///   invalid_argument  the value is not allowed; the message says what is
Result<std::string> normalise(const Key& key, std::string_view value);

/// Every key's default.
Settings defaults();

}  // namespace viridian::config
