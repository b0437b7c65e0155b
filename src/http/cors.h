#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace viridian::http {

/// Which web pages may call the server (setting server.cors_allow_origins).
class Cors {
 public:
  /// Origins separated by commas; * for all; empty: none.
  explicit Cors(std::string_view origins);

  bool enabled() const noexcept { return any_ || !origins_.empty(); }
  /// Answers an OPTIONS request.
  Response preflight(const Request& request) const;
  /// Adds what an answer to this request needs so that the page may see it.
  void allow(const Request& request, Response& response) const;

 private:
  bool any_ = false;
  std::vector<std::string> origins_;
};

}  // namespace viridian::http
