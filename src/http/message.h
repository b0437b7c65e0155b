#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "viridian/base/context.h"

namespace viridian::http {

/// Header fields in order of appearance. Names are as sent; compare them with find_header.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// The first value of the header, "" where it is absent. Names compare without regard to case.
std::string_view find_header(const Headers& headers, std::string_view name) noexcept;
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// One request, complete and within the limits. The path and the query are still percent-encoded.
struct Request {
  std::string method;  ///< upper case as sent: "GET"
  std::string path;    ///< begins with '/'
  std::string query;   ///< what follows '?', without it
  Headers headers;
  std::string body;
  /// Ends with the server's request timeout, if it is none that takes long, and cancelled when the
  /// server gives up waiting. Of a request that another server sent on: ends when that one waits no
  /// more, as far as it could say so.
  Context context;

  std::string_view header(std::string_view name) const noexcept {
    return find_header(headers, name);
  }
};

/// One answer. content-length, date and connection are added by the transport.
struct Response {
  int status = 200;
  std::string content_type = "application/json";  ///< "" sends no content type
  std::string body;
  Headers headers;  ///< names and values must hold no line breaks
};

/// Answers one request. Called from many threads at once.
using Handler = std::function<Response(const Request&)>;
/// Whether requests of this method and path are of a kind.
using RequestKind = std::function<bool(std::string_view method, std::string_view path)>;
/// The same, of requests that other servers sent on (`forwarded`) and of those that clients sent.
using SentRequestKind =
    std::function<bool(std::string_view method, std::string_view path, bool forwarded)>;
/// Builds the answer to a request that the transport itself turns down, such as 413.
using Refusal = std::function<Response(int status, std::string_view message)>;

/// The standard reason phrase of a status, "Unknown" for others.
std::string_view reason_phrase(int status) noexcept;

struct ResponseFraming {
  bool keep_alive = true;
  bool http_1_0 = false;
};
/// Status line and header block of an answer, blank line included.
std::string response_head(const Response& response, const ResponseFraming& framing);

}  // namespace viridian::http
