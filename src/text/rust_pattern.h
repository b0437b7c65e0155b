#pragma once
#include <string>
#include <string_view>

#include "viridian/base/result.h"

namespace viridian::text {

/// The pattern of Rust's `regex` crate in RE2's syntax. Groups come out without captures. Refuses,
/// with "Regex syntax error: …", what RE2 would take in another sense than Rust; what both refuse
/// may come through for RE2 to refuse.
Result<std::string> to_re2(std::string_view rust_pattern);

}  // namespace viridian::text
