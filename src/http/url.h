#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "viridian/base/result.h"

namespace viridian::http {

/// Resolves %XX. Nothing where an escape is broken or the result is not UTF-8. `plus_is_space` for
/// query strings.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
/// Escapes everything but letters, digits and -._~, so that the result is one path segment.
std::string percent_encode(std::string_view text);

/// A query string's names and values, decoded, in order.
///   invalid_argument  a broken escape
Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

/// Where a server is: http[s]://HOST[:PORT][/PREFIX].
struct ServerUrl {
  std::string host;  ///< an IPv6 address without brackets
  uint16_t port = 80;
  std::string prefix;  ///< "" or "/something", put before every path
  bool tls = false;    ///< https

  /// host:port, with the brackets of an IPv6 address
  std::string authority() const;
};
///   invalid_argument  another scheme, no host, a bad port, or what an address does not have: a
///                     user, parameters, spaces and control characters
Result<ServerUrl> parse_server_url(std::string_view url);

}  // namespace viridian::http
