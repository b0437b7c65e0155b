#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"
#include "viridian/spi/api.h"
#include "viridian/spi/health.h"

namespace viridian::http {

/// What endpoints work with.
struct Services {
  Api& api;
  std::function<bool()> ready;           ///< whether requests are welcome
  std::function<std::string()> metrics;  ///< Prometheus text
  /// What is wrong beyond this process; empty: there is nothing to ask.
  std::function<std::vector<HealthFinding>(const Context&)> health = {};
  /// Which of several servers this is; "" or empty: there is one.
  std::function<std::string()> server_id = {};
};

/// One request on its way to an endpoint.
struct Call {
  const Request& request;
  /// The request's, with what its headers ask of the answer.
  Context context;
  /// The path's variable parts, decoded, by name.
  std::vector<std::pair<std::string_view, std::string>> parameters;

  /// The parameter's value; it must be one of the route's.
  const std::string& parameter(std::string_view name) const;
};

using Endpoint = Result<Response> (*)(const Services&, const Call&);

enum class QueryFields { none, page, read_level };

/// One line of the route table: what is served, and how it is described.
struct Route {
  std::string_view method;
  std::string_view pattern;  ///< such as /api/v2/tenants/{tenant}
  std::string_view summary;
  Endpoint endpoint;
  std::string_view request;   ///< schema of the JSON body; "": none is read
  std::string_view response;  ///< schema of the answer; "": not JSON
  int success = 200;
  QueryFields query = QueryFields::none;
};

/// The route table.
std::span<const Route> routes();

/// Whether a request may take longer than any time limit for requests, in proportion to what is
/// stored. Such ones have no deadline, and threads of their own. A close that was sent on only
/// tells that a collection was deleted, and is none of them.
bool takes_long(std::string_view method, std::string_view path, bool forwarded);

/// Of those that do not take long: whether a request is for the server that holds a collection, and
/// so may wait for another one. Such ones have threads of their own where there are several
/// servers.
bool is_for_holder(std::string_view method, std::string_view path);

/// Finds the route of a path.
class Router {
 public:
  explicit Router(std::span<const Route> routes);

  struct Match {
    const Route* route = nullptr;  ///< null: see allow
    std::vector<std::pair<std::string_view, std::string>> parameters;
    std::string allow;  ///< methods that the path has; "": the path is not known
  };
  /// HEAD finds what GET does. A segment matches a variable part unless it is empty; where two
  /// routes match, the one that comes first in the table counts.
  ///   invalid_argument  a percent escape in the path is broken, or it is not UTF-8
  Result<Match> match(std::string_view method, std::string_view path) const;

 private:
  struct Pattern {
    const Route* route;
    std::vector<std::string_view> segments;  ///< variable parts with their braces
  };
  std::vector<Pattern> patterns_;
};

}  // namespace viridian::http
