#include "log/clickhouse_replicas.h"

#include <fmt/core.h>

#include <thread>

#include "clickhouse/literal.h"
#include "log/clickhouse_rows.h"
#include "log/guarded.h"

namespace viridian::clickhouse {
namespace {

/// The answer to a question about health comes within this, or the server is not well.
constexpr std::chrono::milliseconds kHealthTimeout{3000};

}  // namespace

Replicas::Replicas(Client& client, obs::Metrics& metrics) : client_(client) {
  for (uint32_t shard = 0; shard < client.shards(); ++shard) {
    for (uint32_t replica = 0; replica < client.replicas(shard); ++replica) {
      const Node node{shard, replica};
      const obs::Metrics::Labels labels = {{"node", client.address(node)}};
      nodes_.push_back({node,
                        &metrics.gauge("viridian_clickhouse_log_replica_delay_seconds",
                                       "Age of the oldest record the replica lacks.", labels),
                        &metrics.gauge("viridian_clickhouse_log_replica_read_only_total",
                                       "1 while the replica takes no inserts.", labels)});
    }
  }
}

std::vector<NodeHealth> Replicas::noted() const {
  std::vector<NodeHealth> all;
  for (const Gauges& gauges : nodes_) {
    NodeHealth health;
    health.node = gauges.node;
    health.address = client_.address(gauges.node);
    health.error = client_.trouble(gauges.node);
    health.reachable = health.error.empty();
    all.push_back(std::move(health));
  }
  return all;
}

void Replicas::ask(const Context& context, const Gauges& gauges, NodeHealth& health) {
  const std::string sql =
      client_.replicated()
          ? fmt::format(
                "SELECT toUInt8(max(is_readonly)) AS r, toUInt64(sum(queue_size)) AS q, "
                "toUInt64(max(absolute_delay)) AS d FROM system.replicas WHERE "
                "concat('`', database, '`') = {} AND table = {}",
                literal(client_.database()), literal(kLogTable))
          : "SELECT toUInt8(0) AS r, toUInt64(0) AS q, toUInt64(0) AS d";
  const Shape shape = {{"r", std::vector<uint8_t>()},
                       {"q", std::vector<uint64_t>()},
                       {"d", std::vector<uint64_t>()}};
  const auto block = client_.select(context, health.node, sql, shape);
  health.reachable = block.ok();
  health.error = block.ok() ? std::string() : block.error().message();
  if (!block.ok()) return;
  if (block->rows() != 1) return;
  health.read_only = block->get<std::vector<uint8_t>>(0).front() != 0;
  health.queue = block->get<std::vector<uint64_t>>(1).front();
  health.delay_seconds = block->get<std::vector<uint64_t>>(2).front();
  gauges.delay->set(static_cast<double>(health.delay_seconds));
  gauges.read_only->set(health.read_only ? 1 : 0);
}

// All at once: one that is frozen must not take the time that the others have to answer.
std::vector<NodeHealth> Replicas::health(const Context& context) {
  std::vector<NodeHealth> all = noted();
  const Context brief = context.no_later_than(Context::Clock::now() + kHealthTimeout);
  std::vector<std::jthread> asking;
  for (size_t i = 0; i < all.size(); ++i) {
    NodeHealth& entry = all[i];
    asking.emplace_back([this, &brief, &entry, &gauges = nodes_[i]] {
      const Status asked = log::guarded([&] {
        ask(brief, gauges, entry);
        return ok_status();
      });
      if (!asked.ok()) entry.error = asked.error().message();
      entry.reachable = entry.reachable && asked.ok();
    });
  }
  asking.clear();
  return all;
}

}  // namespace viridian::clickhouse
