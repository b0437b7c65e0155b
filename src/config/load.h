#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "config/keys.h"
#include "viridian/base/result.h"
#include "viridian/base/settings.h"

namespace viridian::config {

/// Where settings come from besides their defaults; later ones win.
struct Sources {
  /// A TOML file; `[server]` and `port = 8000` below it set server.port.
  std::optional<std::string> file;
  /// Environment variables by name. Those that begin with VIRIDIAN_ count: VIRIDIAN_SERVER_PORT
  /// sets server.port.
  std::map<std::string, std::string> environment;
  /// Values from the command line, by key.
  std::map<std::string, std::string> flags;
};

/// Where each key's value came from: "default", "file X", "environment VIRIDIAN_X" or "flag --x".
using Origins = std::map<std::string, std::string, std::less<>>;

struct Loaded {
  Settings settings;  ///< every key of the table
  Origins origins;    ///< likewise
};

/// Reads all sources.
///   not_found         there is no such file
///   invalid_argument  the file is not TOML, a key is unknown, or a value is not allowed; the
///   message
///                     names file and line, variable or flag, and says what would do
Result<Loaded> load(const Sources& sources);

/// server.port -> VIRIDIAN_SERVER_PORT
std::string variable_of(std::string_view key);

}  // namespace viridian::config
