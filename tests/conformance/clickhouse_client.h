#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "clickhouse/client.h"
#include "obs/metrics.h"
#include "viridian/base/settings.h"
#include "viridian/spi/component.h"

namespace viridian::conformance {

/// A client of ClickHouse with its metrics, started and so with its tables there.
class ClickHouseClient {
 public:
  explicit ClickHouseClient(Settings settings) : system_(registry(), std::move(settings)) {
    auto metrics = system_.require<obs::Metrics>();
    auto client = system_.require<clickhouse::Client>();
    if (metrics.ok()) metrics_ = *metrics;
    if (client.ok()) client_ = *client;
    const Status started = system_.start(Context());
    EXPECT_TRUE(started.ok()) << started.error().message();
  }
  ~ClickHouseClient() { system_.stop(); }

  clickhouse::Client& client() { return *client_; }
  obs::Metrics& metrics() { return *metrics_; }

 private:
  static Registry registry() {
    Registry registry;
    registry.add<obs::Metrics, obs::Metrics>("obs::Metrics");
    registry.add<clickhouse::Client, clickhouse::Client>("clickhouse::Client");
    return registry;
  }

  System system_;
  obs::Metrics* metrics_ = nullptr;
  clickhouse::Client* client_ = nullptr;
};

}  // namespace viridian::conformance
