#include "http/application.h"

#include <chrono>
#include <utility>

#include "http/errors.h"
#include "http/freshness.h"
#include "http/url.h"
#include "obs/log.h"

namespace viridian::http {
namespace {

constexpr std::string_view kTombstone = "/api/v1/";

// Missing counts as JSON; parameters such as a charset do not matter.
bool is_json(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  if (type.empty() || equals_ignoring_case(type, "application/json")) return true;
  constexpr std::string_view kPrefix = "application/";
  constexpr std::string_view kSuffix = "+json";
  return type.size() > kPrefix.size() + kSuffix.size() &&
         equals_ignoring_case(type.substr(0, kPrefix.size()), kPrefix) &&
         equals_ignoring_case(type.substr(type.size() - kSuffix.size()), kSuffix);
}

Result<Context> context_of(const Request& request) {
  Context context = request.context;
  if (const std::string_view read = request.header(kReadHeader); !read.empty()) {
    VIRIDIAN_TRY(const Context::Freshness freshness, parse_freshness(read));
    context = context.with_freshness(freshness);
  }
  if (!request.header(kForwardedHeader).empty()) context = context.as_forwarded();
  return context;
}

void log_failure(const Response& response, std::string_view method, std::string_view path) {
  obs::Level level = obs::Level::debug;  // the client's mistakes are the client's to read
  if (response.status == 500) level = obs::Level::error;
  if (response.status == 503 || response.status == 504) level = obs::Level::warn;
  obs::log(level, "http", "request failed",
           {{"status", response.status},
            {"method", method},
            {"path", path},
            {"trace", find_header(response.headers, kTraceHeader)},
            {"answer", response.body}});
}

}  // namespace

Application::Application(Services services, obs::Metrics& metrics,
                         std::string_view cors_allow_origins)
    : services_(std::move(services)),
      metrics_(metrics),
      cors_(cors_allow_origins),
      router_(routes()),
      route_metrics_(routes().size() + 2) {}

Response Application::handle(const Request& request) {
  const auto begin = std::chrono::steady_clock::now();
  size_t route = unmatched();
  Response response = dispatch(request, route);
  if (response.status >= 400) log_failure(response, request.method, request.path);
  if (!request.header(kServerHeader).empty()) sign(response);
  cors_.allow(request, response);
  count(route, response.status);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  observe(route, took.count());
  return response;
}

Response Application::refuse(int status, std::string_view message) {
  Response response = error_response(status, message);
  log_failure(response, "", "");
  count(refused(), status);
  sign(response);
  return response;
}

void Application::sign(Response& response) const {
  const std::string id = server_id();
  if (!id.empty()) response.headers.emplace_back(kServerHeader, percent_encode(id));
}

Response Application::dispatch(const Request& request, size_t& route) {
  const std::string_view path = request.path;
  const std::string_view wanted = request.header(kServerHeader);
  if (!wanted.empty() && wanted != percent_encode(server_id())) {
    return error_response(
        Error(Code::aborted, "The request is for the server " + std::string(wanted) +
                                 ", whose address this one has now: ask for its holder again"));
  }
  if (path.size() > kTombstone.size() && path.substr(0, kTombstone.size()) == kTombstone) {
    return error_response(410, "The v1 API is deprecated. Please use /v2 apis");
  }
  Result<Router::Match> match = router_.match(request.method, path);
  if (!match.ok()) return error_response(match.error());
  if (match->allow.empty()) {
    return error_response(404, "There is nothing at the path " + request.path);
  }
  if (request.method == "OPTIONS" && cors_.enabled()) return cors_.preflight(request);
  if (match->route == nullptr) {
    Response response =
        error_response(405, request.path + " takes " + match->allow + ", not " + request.method);
    response.headers.emplace_back("allow", match->allow);
    return response;
  }
  const Route& found = *match->route;
  route = static_cast<size_t>(&found - routes().data());
  return call(found, request, *std::move(match));
}

Response Application::call(const Route& route, const Request& request, Router::Match match) {
  if (!route.request.empty() && !is_json(request.header("content-type"))) {
    return error_response(415, "Expected request with `Content-Type: application/json`");
  }
  Result<Context> context = context_of(request);
  if (!context.ok()) return error_response(context.error());
  const Call one{request, *std::move(context), std::move(match.parameters)};
  Result<Response> response = route.endpoint(services_, one);
  return response.ok() ? *std::move(response) : error_response(response.error());
}

std::string_view Application::label(size_t route) const {
  if (route == refused()) return "refused";
  return route == unmatched() ? "unmatched" : routes()[route].pattern;
}

std::string_view Application::method(size_t route) const {
  return route < routes().size() ? routes()[route].method : "";
}

void Application::count(size_t route, int status) {
  const size_t index = static_cast<size_t>(status) - 200;
  if (index >= kStatuses) return;
  std::atomic<obs::Counter*>& slot = route_metrics_[route].by_status[index];
  obs::Counter* counter = slot.load(std::memory_order_acquire);
  if (counter == nullptr) {
    // Two threads may get here; both are given the same counter.
    counter = &metrics_.counter("viridian_http_requests_total", "Requests by route and status",
                                {{"route", std::string(label(route))},
                                 {"method", std::string(method(route))},
                                 {"status", std::to_string(status)}});
    slot.store(counter, std::memory_order_release);
  }
  counter->inc();
}

void Application::observe(size_t route, double seconds) {
  std::atomic<obs::Histogram*>& slot = route_metrics_[route].seconds;
  obs::Histogram* histogram = slot.load(std::memory_order_acquire);
  if (histogram == nullptr) {
    histogram = &metrics_.histogram(
        "viridian_http_request_seconds", "Time from a complete request to its answer",
        {{"route", std::string(label(route))}, {"method", std::string(method(route))}},
        {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10});
    slot.store(histogram, std::memory_order_release);
  }
  histogram->observe(seconds);
}

}  // namespace viridian::http
