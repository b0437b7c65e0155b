#include "clickhouse/address.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

namespace viridian::clickhouse {
namespace {

struct UrlCleanup {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlCleanup>;

/// A part of a URL, "" where it has none.
std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return {};
  std::string found = text;
  curl_free(text);
  return found;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// The message leaves the address out: it may hold a password.
Error refused(size_t number, std::string_view why) {
  return Error(Code::invalid_argument,
               fmt::format("clickhouse.url, address {}: {}; write it as http://host:8123, replicas "
                           "of a shard separated by commas, shards by semicolons",
                           number, why));
}

Result<std::string> parse_address(std::string_view text, size_t number) {
  const Url url(curl_url());
  if (!url) return Error(Code::internal, "libcurl has no memory for a URL");
  const std::string whole(trimmed(text));
  if (curl_url_set(url.get(), CURLUPART_URL, whole.c_str(), 0) != CURLUE_OK)
    return refused(number, "it is no URL");
  const std::string scheme = part(url, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return refused(number, "it is not http or https");
  if (!part(url, CURLUPART_USER).empty() || !part(url, CURLUPART_PASSWORD).empty())
    return refused(number, "it names a user; use clickhouse.user and clickhouse.password");
  if (!part(url, CURLUPART_QUERY).empty() || !part(url, CURLUPART_FRAGMENT).empty())
    return refused(number, "it has parameters, which are not for users to set");
  std::string path = part(url, CURLUPART_PATH);
  while (!path.empty() && path.back() == '/') path.pop_back();
  return fmt::format("{}://{}:{}{}", scheme, part(url, CURLUPART_HOST),
                     part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT), path);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace

Result<std::vector<std::vector<std::string>>> parse_addresses(std::string_view setting) {
  std::vector<std::vector<std::string>> shards;
  size_t number = 0;
  for (const std::string_view shard : split(setting, ';')) {
    std::vector<std::string>& replicas = shards.emplace_back();
    for (const std::string_view address : split(shard, ',')) {
      VIRIDIAN_TRY(std::string parsed, parse_address(address, ++number));
      replicas.push_back(std::move(parsed));
    }
  }
  return shards;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHex[byte >> 4];
    encoded += kHex[byte & 15];
  }
  return encoded;
}

}  // namespace viridian::clickhouse
