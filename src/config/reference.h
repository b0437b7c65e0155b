#pragma once
#include <string>

namespace viridian::config {

/// The page docs/configuration.md: every key with its type, default and meaning.
std::string reference_markdown();

}  // namespace viridian::config
