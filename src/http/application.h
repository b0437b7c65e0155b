#pragma once
#include <array>
#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "http/cors.h"
#include "http/router.h"
#include "obs/metrics.h"

namespace viridian::http {

/// Turns a request into an answer: route, content type, endpoint, errors, metrics, log.
/// Thread-safe.
class Application {
 public:
  Application(Services services, obs::Metrics& metrics, std::string_view cors_allow_origins);

  Response handle(const Request& request);
  /// The answer to a request that the transport turned down.
  Response refuse(int status, std::string_view message);

 private:
  static constexpr size_t kStatuses = 400;  ///< 200..599

  /// The metrics of one route, made when first used. The last two are of no route.
  struct RouteMetrics {
    std::array<std::atomic<obs::Counter*>, kStatuses> by_status{};
    std::atomic<obs::Histogram*> seconds{nullptr};
  };

  Response dispatch(const Request& request, size_t& route);
  std::string server_id() const { return services_.server_id ? services_.server_id() : ""; }
  /// Says whose answer it is, where there are several servers.
  void sign(Response& response) const;
  Response call(const Route& route, const Request& request, Router::Match match);
  void count(size_t route, int status);
  void observe(size_t route, double seconds);
  std::string_view label(size_t route) const;
  std::string_view method(size_t route) const;
  size_t unmatched() const { return route_metrics_.size() - 2; }
  size_t refused() const { return route_metrics_.size() - 1; }

  const Services services_;
  obs::Metrics& metrics_;
  const Cors cors_;
  const Router router_;
  std::vector<RouteMetrics> route_metrics_;
};

}  // namespace viridian::http
