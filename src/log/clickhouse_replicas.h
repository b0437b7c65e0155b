#pragma once
#include <cstdint>
#include <mutex>
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

/// Which replica of a shard to ask. Thread-safe.
class Replicas {
 public:
  Replicas(Client& client, obs::Metrics& metrics);

  /// A shard's replicas: those that answered last first, by number.
  std::vector<Node> order(uint32_t shard) const;
  /// Notes how a request to a server ended. A refusal is an answer too.
  void note(Node node, const Status& outcome);

  /// Asks every server.
  std::vector<NodeHealth> health(const Context& context);
  /// As health(), of what the last requests told. Asks nobody.
  std::vector<NodeHealth> noted() const;

 private:
  struct State {
    Node node;
    uint64_t failures = 0;  ///< since the last answer
    std::string error;
    obs::Gauge* unavailable = nullptr;
    obs::Gauge* delay = nullptr;
    obs::Gauge* read_only = nullptr;
  };
  void ask(const Context& context, NodeHealth& health);
  State& state(Node node);

  Client& client_;
  mutable std::mutex mutex_;
  std::vector<std::vector<State>> shards_;
};

}  // namespace viridian::clickhouse
