#include "log/clickhouse_replicas.h"

#include <fmt/core.h>

#include <algorithm>
#include <thread>

#include "clickhouse/literal.h"
#include "log/clickhouse_rows.h"
#include "log/guarded.h"

namespace viridian::clickhouse {
namespace {

/// The answer to a question about health comes within this, or the server is not well.
constexpr std::chrono::milliseconds kHealthTimeout{3000};

bool is_answer(const Status& outcome) {
  if (outcome.ok()) return true;
  switch (outcome.error().code()) {
    case Code::unavailable:
    case Code::deadline_exceeded:
    case Code::data_loss:
    case Code::cancelled:
      return false;
    default:
      return true;
  }
}

}  // namespace

Replicas::Replicas(Client& client, obs::Metrics& metrics) : client_(client) {
  for (uint32_t shard = 0; shard < client.shards(); ++shard) {
    shards_.emplace_back();
    for (uint32_t replica = 0; replica < client.replicas(shard); ++replica) {
      const Node node{shard, replica};
      const obs::Metrics::Labels labels = {{"node", client.address(node)}};
      State state;
      state.node = node;
      state.unavailable = &metrics.gauge("viridian_clickhouse_log_node_unavailable_total",
                                         "1 while the server does not answer.", labels);
      state.delay = &metrics.gauge("viridian_clickhouse_log_replica_delay_seconds",
                                   "Age of the oldest record the replica lacks.", labels);
      state.read_only = &metrics.gauge("viridian_clickhouse_log_replica_read_only_total",
                                       "1 while the replica takes no inserts.", labels);
      shards_.back().push_back(std::move(state));
    }
  }
}

Replicas::State& Replicas::state(Node node) { return shards_[node.shard][node.replica]; }

std::vector<Node> Replicas::order(uint32_t shard) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<uint64_t, Node>> found;
  for (const State& state : shards_[shard]) found.emplace_back(state.failures, state.node);
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Node> nodes;
  for (const auto& [failures, node] : found) nodes.push_back(node);
  return nodes;
}

void Replicas::note(Node node, const Status& outcome) {
  const bool answered = is_answer(outcome);
  const std::lock_guard lock(mutex_);
  State& noted = state(node);
  noted.failures = answered ? 0 : noted.failures + 1;
  noted.error = answered ? std::string() : outcome.error().message();
  noted.unavailable->set(answered ? 0 : 1);
}

std::vector<NodeHealth> Replicas::noted() const {
  const std::lock_guard lock(mutex_);
  std::vector<NodeHealth> all;
  for (const auto& shard : shards_) {
    for (const State& state : shard) {
      NodeHealth health;
      health.node = state.node;
      health.address = client_.address(state.node);
      health.reachable = state.failures == 0;
      health.error = state.error;
      all.push_back(std::move(health));
    }
  }
  return all;
}

void Replicas::ask(const Context& context, NodeHealth& health) {
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
  const Status outcome = block.ok() ? ok_status() : Status(block.error());
  note(health.node, outcome);
  health.reachable = outcome.ok();
  if (!outcome.ok()) {
    health.error = outcome.error().message();
    return;
  }
  if (block->rows() != 1) return;
  health.read_only = block->get<std::vector<uint8_t>>(0).front() != 0;
  health.queue = block->get<std::vector<uint64_t>>(1).front();
  health.delay_seconds = block->get<std::vector<uint64_t>>(2).front();
  const std::lock_guard lock(mutex_);
  state(health.node).delay->set(static_cast<double>(health.delay_seconds));
  state(health.node).read_only->set(health.read_only ? 1 : 0);
}

// All at once: one that is frozen must not take the time that the others have to answer.
std::vector<NodeHealth> Replicas::health(const Context& context) {
  std::vector<NodeHealth> all = noted();
  auto limit = kHealthTimeout;
  if (context.deadline()) {
    const auto left = *context.deadline() - Context::Clock::now();
    limit = std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(left),
                       std::chrono::milliseconds(0), limit);
  }
  std::vector<std::jthread> asking;
  for (NodeHealth& entry : all) {
    asking.emplace_back([this, limit, &entry] {
      const Status asked = log::guarded([&] {
        ask(Context::with_timeout(limit), entry);
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
