#include "http/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "obs/log.h"
#include "viridian/spi/leases.h"

namespace viridian::http {
namespace {

// How long stop() waits for requests in flight before it cuts them off.
constexpr std::chrono::seconds kGrace{10};

constexpr size_t kForHoldersAtOnce = 16;
constexpr size_t kForwardedAtOnce = 16;
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
  auto server = std::make_unique<Server>(*api, *executor, *metrics, std::move(options),
                                         settings.text("server.cors_allow_origins"));
  for (const auto& [name, source] : system.built<HealthSource>())
    server->health_sources_.push_back(source);
  for (const auto& [name, leases] : system.built<Leases>()) {
    for (const ServerInfo& info : leases->servers()) {
      if (info.self) server->serve_among(info.id, settings.unsigned_integer("executor.queue"));
    }
  }
  return server;
}

Server::Server(Api& api, Executor& executor, obs::Metrics& metrics, TransportOptions options,
               const std::string& cors_allow_origins)
    : executor_(executor),
      long_executor_(kLongRequestsAtOnce, kLongRequestsWaiting),
      metrics_(metrics),
      options_(std::move(options)),
      application_(
          Services{api, [this] { return ready_.load(); }, [this] { return expose_metrics(); },
                   [this](const Context& context) { return health(context); },
                   [this] { return id_; }},
          metrics, cors_allow_origins) {
  options_.takes_long = takes_long;
  options_.long_executor = &long_executor_;
}

Server::~Server() { stop(); }

void Server::serve_among(std::string id, size_t queue) {
  id_ = std::move(id);
  holder_executor_ =
      std::make_unique<ThreadPool>(std::max(kForHoldersAtOnce, executor_.concurrency()), queue);
  options_.is_for_holder = is_for_holder;
  options_.holder_executor = holder_executor_.get();
  forwarded_executor_ = std::make_unique<ThreadPool>(kForwardedAtOnce, queue);
  forwarded_long_executor_ =
      std::make_unique<ThreadPool>(kLongRequestsAtOnce, kLongRequestsWaiting);
  options_.forwarded_executor = forwarded_executor_.get();
  options_.forwarded_long_executor = forwarded_long_executor_.get();
}

std::vector<HealthFinding> Server::health(const Context& context) {
  // At once: a part that waits for something that is frozen takes all the time there is.
  std::vector<std::vector<HealthFinding>> found(health_sources_.size());
  {
    std::vector<std::jthread> asking;
    for (size_t i = 0; i < found.size(); ++i)
      asking.emplace_back([&, i] { found[i] = health_sources_[i]->health(context); });
  }
  std::vector<HealthFinding> all;
  for (std::vector<HealthFinding>& part : found)
    for (HealthFinding& finding : part) all.push_back(std::move(finding));
  return all;
}

Status Server::start(const Context& context) {
  VIRIDIAN_TRY_VOID(long_executor_.start(context));
  if (forwarded_executor_) {
    VIRIDIAN_TRY_VOID(holder_executor_->start(context));
    VIRIDIAN_TRY_VOID(forwarded_executor_->start(context));
    VIRIDIAN_TRY_VOID(forwarded_long_executor_->start(context));
  }
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
  if (forwarded_executor_) {
    holder_executor_->stop();
    forwarded_executor_->stop();
    forwarded_long_executor_->stop();
  }
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
