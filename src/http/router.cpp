#include "http/router.h"

#include <optional>

#include "base/assert.h"
#include "http/url.h"

namespace viridian::http {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (true) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_variable(std::string_view segment) { return !segment.empty() && segment.front() == '{'; }

bool matches(const std::vector<std::string_view>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (is_variable(pattern[i]) ? path[i].empty() : pattern[i] != path[i]) return false;
  }
  return true;
}

void add_method(std::string& allow, std::string_view method) {
  if (!allow.empty()) allow += ',';
  allow += method;
  if (method == "GET") allow += ",HEAD";
}

}  // namespace

const std::string& Call::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  VIRIDIAN_ASSERT(false);
  return parameters.front().second;
}

Router::Router(std::span<const Route> routes) {
  for (const Route& route : routes) patterns_.push_back({&route, split(route.pattern)});
}

Result<Router::Match> Router::match(std::string_view method, std::string_view path) const {
  std::vector<std::string> segments;
  for (const std::string_view raw : split(path)) {
    std::optional<std::string> decoded = percent_decode(raw);
    if (!decoded) {
      return Error(Code::invalid_argument,
                   "The path holds a broken percent escape, or is not UTF-8");
    }
    segments.push_back(*std::move(decoded));
  }
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  Match found;
  for (const Pattern& pattern : patterns_) {
    if (!matches(pattern.segments, segments)) continue;
    add_method(found.allow, pattern.route->method);
    if (pattern.route->method != wanted) continue;
    found.route = pattern.route;
    for (size_t i = 0; i < segments.size(); ++i) {
      const std::string_view part = pattern.segments[i];
      if (!is_variable(part)) continue;
      found.parameters.emplace_back(part.substr(1, part.size() - 2), std::move(segments[i]));
    }
    return found;
  }
  return found;
}

}  // namespace viridian::http
