#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "clickhouse/client.h"
#include "obs/metrics.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// How a ClickHouse server does, for health.
struct NodeHealth {
  Node node;
  std::string address;
  /// The last request was answered.
  bool reachable = true;
  std::string error;  ///< of the last request, if it was not
  /// Of the table record_log, where it is replicated.
  bool read_only = false;
  uint64_t queue = 0;          ///< changes of other replicas that are not here yet
  uint64_t delay_seconds = 0;  ///< age of the oldest of them
};

/// How ClickHouse's servers do. Thread-safe.
class Replicas {
 public:
  Replicas(Client& client, obs::Metrics& metrics);

  /// Asks every server.
  std::vector<NodeHealth> health(const Context& context);
  /// As health(), of what the last requests told. Asks nobody.
  std::vector<NodeHealth> noted() const;

 private:
  struct Gauges {
    Node node;
    obs::Gauge* delay = nullptr;
    obs::Gauge* read_only = nullptr;
  };
  void ask(const Context& context, const Gauges& gauges, NodeHealth& health);

  Client& client_;
  std::vector<Gauges> nodes_;
};

}  // namespace viridian::clickhouse
