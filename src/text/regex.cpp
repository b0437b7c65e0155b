#include "text/regex.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "codec/utf8.h"
#include "text/rust_pattern.h"

namespace viridian {

namespace {

/// Whether the pattern is UTF-8 of which each character stands for itself.
bool is_literal(std::string_view pattern) {
  if (pattern.find_first_of("\\.+*?()|[]{}^$") != std::string_view::npos) return false;
  for (size_t at = 0; at < pattern.size();) {
    const size_t bytes = json::utf8_length(pattern, at);
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

}  // namespace

struct Regex::Compiled {
  explicit Compiled(std::string_view text) : literal(text) {}
  Compiled(const std::string& pattern, const re2::RE2::Options& options)
      : engine(std::in_place, pattern, options) {}

  std::string literal;  ///< where there is no engine
  std::optional<re2::RE2> engine;
};

Regex::Regex(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view rust_pattern, size_t memory) {
  if (rust_pattern.size() > kPatternBytesMax) {
    return Error(Code::invalid_argument,
                 fmt::format("Regex syntax error: the pattern has {} bytes, more than {}",
                             rust_pattern.size(), kPatternBytesMax));
  }
  VIRIDIAN_TRY(const std::string pattern, text::to_re2(rust_pattern));
  if (is_literal(rust_pattern)) return Regex(std::make_unique<const Compiled>(rust_pattern));
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(static_cast<int64_t>(memory));
  auto compiled = std::make_unique<const Compiled>(pattern, options);
  const re2::RE2& engine = *compiled->engine;
  if (engine.error_code() == re2::RE2::ErrorPatternTooLarge) {
    return Error(Code::invalid_argument,
                 "Regex syntax error: the pattern is too large once compiled: shorten its "
                 "repetitions");
  }
  if (engine.error_code() == re2::RE2::ErrorRepeatSize) {
    return Error(Code::invalid_argument,
                 fmt::format("Regex syntax error: repetition {} is not ascending or more than 1000",
                             engine.error_arg()));
  }
  if (!engine.ok()) {
    return Error(Code::invalid_argument, fmt::format("Regex syntax error: {}", engine.error()));
  }
  return Regex(std::move(compiled));
}

bool Regex::matches(std::string_view document) const {
  if (!compiled_->engine) {
    const std::string& text = compiled_->literal;
    // An empty document may have no address.
    if (text.size() > document.size()) return false;
    return text.empty() ||
           ::memmem(document.data(), document.size(), text.data(), text.size()) != nullptr;
  }
  return compiled_->engine->Match({document.data(), document.size()}, 0, document.size(),
                                  re2::RE2::UNANCHORED, nullptr, 0);
}

}  // namespace viridian
