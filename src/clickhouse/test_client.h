#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "clickhouse/client.h"
#include "obs/metrics.h"
#include "viridian/spi/component.h"

namespace viridian::clickhouse {

/// A started client and the assembly around it.
class TestClient {
 public:
  TestClient() = default;
  /// Not started.
  static TestClient make(Settings settings) {
    Registry registry;
    registry.add<obs::Metrics, obs::Metrics>("obs::Metrics");
    registry.add<Client, Client>("clickhouse::Client");
    TestClient made;
    made.system_ = std::make_unique<System>(std::move(registry), std::move(settings));
    auto client = made.system_->require<Client>();
    if (client.ok())
      made.client_ = *client;
    else
      ADD_FAILURE() << client.error().message();
    return made;
  }
  static TestClient start(Settings settings) {
    TestClient made = make(std::move(settings));
    const Status status = made.system_->start(Context());
    if (!status.ok()) ADD_FAILURE() << status.error().message();
    return made;
  }
  System& system() const { return *system_; }
  Client* operator->() const { return client_; }
  Client& operator*() const { return *client_; }
  explicit operator bool() const { return client_ != nullptr; }

 private:
  std::unique_ptr<System> system_;
  Client* client_ = nullptr;
};

}  // namespace viridian::clickhouse
