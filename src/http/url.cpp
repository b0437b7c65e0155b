#include "http/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "codec/utf8.h"

namespace viridian::http {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_utf8(std::string_view text) noexcept {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = json::utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  if (!is_utf8(decoded)) return std::nullopt;
  return decoded;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded.push_back('%');
      encoded.push_back(kHex[byte >> 4]);
      encoded.push_back(kHex[byte & 15]);
    }
  }
  return encoded;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view field = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (field.empty()) continue;
    const size_t equals = field.find('=');
    auto name = percent_decode(field.substr(0, equals), /*plus_is_space=*/true);
    auto value = percent_decode(
        equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1),
        /*plus_is_space=*/true);
    if (!name || !value) {
      return Error(Code::invalid_argument,
                   "Failed to deserialize query string: a percent escape is broken");
    }
    fields.emplace_back(*std::move(name), *std::move(value));
  }
  return fields;
}

std::string ServerUrl::authority() const {
  const bool bare = host.find(':') == std::string::npos;
  return fmt::format(fmt::runtime(bare ? "{}:{}" : "[{}]:{}"), host, port);
}

Result<ServerUrl> parse_server_url(std::string_view url) {
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kTls = "https://";
  const auto refuse = [&](std::string_view why) {
    return Error(Code::invalid_argument,
                 fmt::format("\"{}\" is not the address of a server: {}", url, why));
  };
  ServerUrl parsed;
  parsed.tls = url.starts_with(kTls);
  if (parsed.tls) parsed.port = 443;
  if (!parsed.tls && !url.starts_with(kPlain)) {
    return refuse("it must begin with http:// or https://");
  }
  std::string_view rest = url.substr((parsed.tls ? kTls : kPlain).size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  // The message would show a password.
  if (rest.substr(0, slash).find('@') != std::string_view::npos) {
    return Error(Code::invalid_argument,
                 "a server's address names no user: send an authorization header instead");
  }
  // The prefix goes into each request as it is.
  if (std::any_of(rest.begin(), rest.end(), [](unsigned char c) { return c <= ' ' || c == 127; })) {
    return refuse("it has a space or a control character");
  }
  if (rest.find_first_of("?#") != std::string_view::npos) return refuse("it has parameters");
  parsed.prefix = rest.substr(slash);
  while (!parsed.prefix.empty() && parsed.prefix.back() == '/') parsed.prefix.pop_back();
  rest = rest.substr(0, slash);
  const size_t bracket = rest.find(']');
  const size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const std::string_view digits = rest.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), parsed.port);
    if (error != std::errc() || end != digits.data() + digits.size()) return refuse("bad port");
    rest = rest.substr(0, colon);
  }
  if (rest.size() > 1 && rest.front() == '[' && rest.back() == ']') {
    rest = rest.substr(1, rest.size() - 2);
  }
  if (rest.empty()) return refuse("it names no host");
  parsed.host = rest;
  return parsed;
}

}  // namespace viridian::http
