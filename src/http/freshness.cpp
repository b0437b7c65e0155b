#include "http/freshness.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace viridian::http {
namespace {

constexpr std::string_view kSession = "session=";
constexpr std::string_view kBounded = "bounded=";
/// The longest age that can be asked for: a day.
constexpr uint64_t kAgeMax = 24ULL * 3600 * 1000;

Error not_allowed(std::string_view text) {
  return Error(Code::invalid_argument,
               fmt::format("{}: \"{}\" is none of strong, eventual, bounded=MILLISECONDS (at most "
                           "{}), session=NUMBER, with the number that a write answered",
                           kReadHeader, text, kAgeMax));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<uint64_t> number_after(std::string_view word, std::string_view name) {
  if (!word.starts_with(name)) return std::nullopt;
  word.remove_prefix(name.size());
  uint64_t number = 0;
  const char* const word_end = word.data() + word.size();
  const auto [end, error] = std::from_chars(word.data(), word_end, number);
  if (error != std::errc() || end != word_end) return std::nullopt;
  return number;
}

/// strong, eventual or bounded=MILLISECONDS.
std::optional<std::chrono::milliseconds> age_of(std::string_view word) {
  if (word == "strong") return std::chrono::milliseconds(0);
  if (word == "eventual") return Context::kAnyAge;
  const auto bound = number_after(word, kBounded);
  if (!bound || *bound > kAgeMax) return std::nullopt;
  return std::chrono::milliseconds(*bound);
}

}  // namespace

Result<Context::Freshness> parse_freshness(std::string_view text) {
  std::optional<std::chrono::milliseconds> age;
  std::optional<uint64_t> at_least;
  std::string_view rest = text;
  while (true) {
    const size_t comma = rest.find(',');
    const std::string_view word = trimmed(rest.substr(0, comma));
    if (const auto number = number_after(word, kSession)) {
      if (at_least) return not_allowed(text);
      at_least = number;
    } else {
      const auto given = age_of(word);
      if (!given || age) return not_allowed(text);
      age = given;
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  // Who names a number wants no more than that.
  return Context::Freshness{age.value_or(Context::kAnyAge), at_least.value_or(0)};
}

std::string format_freshness(const Context::Freshness& freshness) {
  const auto bound = static_cast<uint64_t>(freshness.age.count());
  std::string age = "strong";
  if (freshness.age == Context::kAnyAge || bound > kAgeMax) {
    age = "eventual";
  } else if (bound != 0) {
    age = fmt::format("{}{}", kBounded, bound);
  }
  if (freshness.at_least == 0) return age;
  return fmt::format("{}, {}{}", age, kSession, freshness.at_least);
}

}  // namespace viridian::http
