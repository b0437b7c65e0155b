#include "text/regex.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include "text/rust_pattern.h"

namespace viridian {

struct Regex::Compiled {
  Compiled(const std::string& pattern, const re2::RE2::Options& options)
      : engine(pattern, options) {}
  re2::RE2 engine;
};

Regex::Regex(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view rust_pattern) {
  if (rust_pattern.size() > kPatternBytesMax) {
    return Error(Code::invalid_argument,
                 fmt::format("Regex syntax error: the pattern has {} bytes, more than {}",
                             rust_pattern.size(), kPatternBytesMax));
  }
  VIRIDIAN_TRY(const std::string pattern, text::to_re2(rust_pattern));
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kMemoryMax);
  auto compiled = std::make_unique<const Compiled>(pattern, options);
  const re2::RE2& engine = compiled->engine;
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
  return compiled_->engine.Match({document.data(), document.size()}, 0, document.size(),
                                 re2::RE2::UNANCHORED, nullptr, 0);
}

}  // namespace viridian
