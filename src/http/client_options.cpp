#include "http/client_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace viridian::http {
namespace {

/// What says where a message ends and how it is coded is not for others to say.
constexpr std::array<std::string_view, 9> kOwnHeaders = {
    "accept-encoding", "connection",        "content-length", "expect", "keep-alive", "te",
    "trailer",         "transfer-encoding", "upgrade"};

bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(),
                      [](unsigned char c) { return (c < ' ' && c != '\t') || c == 127; });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

Error refused(size_t line, std::string_view why) {
  return Error(Code::invalid_argument, fmt::format("client.headers, line {}: {}", line, why));
}

}  // namespace

Result<Headers> parse_headers(std::string_view lines) {
  Headers headers;
  for (size_t number = 1; !lines.empty(); ++number) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (trimmed(line).empty()) continue;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return refused(number, "write it as NAME: VALUE");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (!is_token(name)) return refused(number, "this cannot be the name of a header");
    if (!is_value(value)) {
      return refused(number, fmt::format("the value of {} has a control character", name));
    }
    if (std::any_of(kOwnHeaders.begin(), kOwnHeaders.end(),
                    [&](std::string_view own) { return equals_ignoring_case(own, name); })) {
      return refused(number, fmt::format("{} is set by the client itself", name));
    }
    headers.emplace_back(name, value);
  }
  return headers;
}

Result<ClientOptions> client_options(const Settings& settings, const ServerUrl& server) {
  ClientOptions options;
  options.timeout = std::chrono::milliseconds(settings.integer("client.timeout_ms"));
  VIRIDIAN_TRY(options.headers, parse_headers(settings.text("client.headers")));
  if (server.tls) {
    VIRIDIAN_TRY(options.tls, TlsContext::create({settings.boolean("client.verify"),
                                                  settings.text("client.ca_file")}));
  }
  return options;
}

}  // namespace viridian::http
