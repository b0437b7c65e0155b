#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "component/thread_pool.h"
#include "http/application.h"
#include "http/transport.h"
#include "obs/metrics.h"
#include "viridian/spi/api.h"
#include "viridian/spi/component.h"
#include "viridian/spi/health.h"

namespace viridian::http {

/// Serves an Api over HTTP. start() listens; stop() lets requests in flight finish.
class Server final : public Component {
 public:
  static constexpr std::string_view kSetting = "server";
  static Result<std::unique_ptr<Server>> create(System& system);
  Server(Api& api, Executor& executor, obs::Metrics& metrics, TransportOptions options,
         const std::string& cors_allow_origins);
  ~Server() override;

  /// failed_precondition: the address is in use.
  Status start(const Context&) override;
  void stop() noexcept override;

  /// The port that is listened on; 0 while it is not running.
  uint16_t port() const;
  /// http://HOST:PORT
  std::string url() const;

 private:
  std::string expose_metrics();
  std::vector<HealthFinding> health(const Context&);
  /// For one of several servers, `id`; before start(). `queue`: how many requests may wait for each
  /// kind of threads.
  void serve_among(std::string id, size_t queue);

  Executor& executor_;
  /// For requests that take long: however many there are, the others go on.
  ThreadPool long_executor_;
  /// For requests that may have to wait for another server; null where there is none.
  std::unique_ptr<ThreadPool> holder_executor_;
  /// For requests that other servers sent on; null where there are none.
  std::unique_ptr<ThreadPool> forwarded_executor_;
  std::unique_ptr<ThreadPool> forwarded_long_executor_;
  std::string id_;
  std::vector<HealthSource*> health_sources_;
  obs::Metrics& metrics_;
  TransportOptions options_;
  std::atomic<bool> ready_{false};
  Application application_;
  std::unique_ptr<Transport> transport_;
  /// The same, for requests for metrics: set before any can come, cleared after the last.
  std::atomic<const Transport*> published_{nullptr};
};

}  // namespace viridian::http
