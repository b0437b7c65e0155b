#pragma once
#include <chrono>
#include <memory>
#include <string_view>

#include "http/message.h"
#include "http/tls.h"
#include "http/url.h"
#include "viridian/spi/component.h"

namespace viridian::http {

/// How an ApiClient asks.
struct ClientOptions {
  std::chrono::milliseconds timeout{60000};    ///< longest time for a call, if it says no less
  Headers headers = {};                        ///< sent with each request, beside those of its own
  std::shared_ptr<const TlsContext> tls = {};  ///< for an https address; else null
};

/// The settings client.*, for that server.
///   invalid_argument  a header that cannot be sent, or no certificates in client.ca_file
Result<ClientOptions> client_options(const Settings& settings, const ServerUrl& server);

/// Headers as a text has them: NAME: VALUE, one a line.
///   invalid_argument  a line is none, its name or value has characters that none may have, or the
///                     header is one that this client sets by itself. Values are not shown.
Result<Headers> parse_headers(std::string_view lines);

}  // namespace viridian::http
