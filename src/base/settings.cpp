#include "viridian/base/settings.h"

#include <charconv>

#include "base/assert.h"

namespace viridian {

const std::string& Settings::text(std::string_view key) const {
  const auto found = values_.find(key);
  VIRIDIAN_ASSERT(found != values_.end());
  return found->second;
}

int64_t Settings::integer(std::string_view key) const {
  const std::string& value = text(key);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  VIRIDIAN_ASSERT(error == std::errc() && end == value.data() + value.size());
  return number;
}

uint64_t Settings::unsigned_integer(std::string_view key) const {
  const int64_t number = integer(key);
  VIRIDIAN_ASSERT(number >= 0);
  return static_cast<uint64_t>(number);
}

double Settings::share(std::string_view key) const {
  const std::string& value = text(key);
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  VIRIDIAN_ASSERT(error == std::errc() && end == value.data() + value.size());
  return number;
}

bool Settings::boolean(std::string_view key) const {
  const std::string& value = text(key);
  VIRIDIAN_ASSERT(value == "true" || value == "false");
  return value == "true";
}

}  // namespace viridian
