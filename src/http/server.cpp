#include "http/server.h"

#include <fmt/format.h>

#include <utility>

#include "obs/log.h"

namespace viridian::http {
namespace {

// How long stop() waits for requests in flight before it cuts them off.
constexpr std::chrono::seconds kGrace{10};

constexpr size_t kLongRequestsAtOnce = 4;
constexpr size_t kLongRequestsWaiting = 60;

}  // namespace

Result<std::unique_ptr<Server>> Server::create(System& system) {
  VIRIDIAN_TRY(Api * api, system.require<Api>());
  VIRIDIAN_TRY(Executor * executor, system.require<Executor>());
  VIRIDIAN_TRY(obs::Metrics * metrics, system.require<obs::Metrics>());
  const Settings& settings = system.settings();
  TransportOptions options;
  options.host = settings.text("server.host");
  options.port = static_cast<uint16_t>(settings.integer("server.port"));
  options.threads = static_cast<unsigned>(settings.integer("server.threads"));
  options.max_body_bytes = settings.unsigned_integer("server.max_body_bytes");
  options.max_inflight_bytes = settings.unsigned_integer("server.max_inflight_bytes");
  options.max_connections = settings.unsigned_integer("server.max_connections");
  options.idle_timeout = std::chrono::milliseconds(settings.integer("server.idle_timeout_ms"));
  options.request_timeout =
      std::chrono::milliseconds(settings.integer("server.request_timeout_ms"));
  return std::make_unique<Server>(*api, *executor, *metrics, std::move(options),
                                  settings.text("server.cors_allow_origins"));
}

Server::Server(Api& api, Executor& executor, obs::Metrics& metrics, TransportOptions options,
               const std::string& cors_allow_origins)
    : executor_(executor),
      long_executor_(kLongRequestsAtOnce, kLongRequestsWaiting),
      metrics_(metrics),
      options_(std::move(options)),
      application_(
          Services{api, [this] { return ready_.load(); }, [this] { return expose_metrics(); }},
          metrics, cors_allow_origins) {
  options_.takes_long = takes_long;
  options_.long_executor = &long_executor_;
}

Server::~Server() { stop(); }

Status Server::start(const Context& context) {
  VIRIDIAN_TRY_VOID(long_executor_.start(context));
  VIRIDIAN_TRY(std::unique_ptr<Transport> transport,
               Transport::listen(
                   options_, executor_,
                   [this](const Request& request) { return application_.handle(request); },
                   [this](int status, std::string_view message) {
                     return application_.refuse(status, message);
                   }));
  transport_ = std::move(transport);
  published_.store(transport_.get());
  ready_.store(true);
  obs::log(obs::Level::info, "http", "listening", {{"url", url()}});
  return ok_status();
}

void Server::stop() noexcept {
  ready_.store(false);
  if (transport_ == nullptr) return;
  transport_->stop(kGrace);
  published_.store(nullptr);
  transport_.reset();
  long_executor_.stop();
}

uint16_t Server::port() const { return transport_ == nullptr ? 0 : transport_->port(); }

std::string Server::url() const {
  const bool ipv6 = options_.host.find(':') != std::string::npos;
  const std::string host = ipv6 ? "[" + options_.host + "]" : options_.host;
  return fmt::format("http://{}:{}", host, port());
}

std::string Server::expose_metrics() {
  const Transport* transport = published_.load();
  const TransportStats stats = transport == nullptr ? TransportStats() : transport->stats();
  const auto set = [this](std::string_view name, std::string_view help, uint64_t value) {
    metrics_.gauge(name, help).set(static_cast<double>(value));
  };
  set("viridian_http_connections", "Connections open now", stats.connections);
  set("viridian_http_connections_accepted", "Connections accepted since start", stats.accepted);
  set("viridian_http_connections_turned_away", "Connections beyond the limit since start",
      stats.turned_away);
  set("viridian_http_body_bytes", "Bytes of request bodies held now", stats.body_bytes);
  set("viridian_http_requests_running", "Requests being handled or waiting for it", stats.handling);
  return metrics_.expose();
}

}  // namespace viridian::http
