#include "http/cors.h"

#include <algorithm>

namespace viridian::http {

Cors::Cors(std::string_view origins) {
  while (!origins.empty()) {
    const size_t comma = std::min(origins.find(','), origins.size());
    std::string_view origin = origins.substr(0, comma);
    origins.remove_prefix(std::min(comma + 1, origins.size()));
    while (!origin.empty() && origin.front() == ' ') origin.remove_prefix(1);
    while (!origin.empty() && origin.back() == ' ') origin.remove_suffix(1);
    if (origin == "*") any_ = true;
    if (!origin.empty() && origin != "*") origins_.emplace_back(origin);
  }
}

Response Cors::preflight(const Request& request) const {
  Response response;
  response.content_type.clear();
  response.headers.emplace_back("access-control-allow-methods", "*");
  response.headers.emplace_back("access-control-allow-headers", "*");
  allow(request, response);
  return response;
}

void Cors::allow(const Request& request, Response& response) const {
  if (!enabled()) return;
  if (any_) {
    response.headers.emplace_back("access-control-allow-origin", "*");
  } else {
    response.headers.emplace_back("vary", "origin");
    const auto allowed = std::find(origins_.begin(), origins_.end(), request.header("origin"));
    if (allowed == origins_.end()) return;
    response.headers.emplace_back("access-control-allow-origin", *allowed);
  }
  response.headers.emplace_back("access-control-expose-headers", "*");
}

}  // namespace viridian::http
