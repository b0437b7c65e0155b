#include "log/clickhouse_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "clickhouse/erase.h"
#include "clickhouse/literal.h"
#include "clickhouse/placement.h"
#include "log/clickhouse_rows.h"
#include "log/log_errors.h"

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

/// An age beyond this is any age.
constexpr milliseconds kOldest = std::chrono::hours(24);
/// While others may append, the history is asked about every now and then.
constexpr milliseconds kFirstWait{20};
constexpr milliseconds kLongestWait{500};
/// As long as this a collection's records may lie there before the SysDb knows it.
constexpr uint32_t kCreationSeconds = 3600;
/// A reader that meets a history that changes under it begins again this often.
constexpr int kReadAttempts = 5;

}  // namespace

Result<std::unique_ptr<Log>> Log::create(System& system) {
  VIRIDIAN_TRY(Client * client, system.require<Client>());
  VIRIDIAN_TRY(History * history, system.require<History>());
  VIRIDIAN_TRY(Leases * leases, system.require<Leases>());
  VIRIDIAN_TRY(obs::Metrics * metrics, system.require<obs::Metrics>());
  VIRIDIAN_TRY(SysDb * sysdb, system.require<SysDb>());
  Options options;
  options.writer.group_bytes = system.settings().unsigned_integer("clickhouse.group_bytes");
  options.writer.copies =
      static_cast<uint32_t>(system.settings().unsigned_integer("clickhouse.copies"));
  return std::make_unique<Log>(Parts{*client, *history, *leases, *metrics, sysdb}, options);
}

Log::Log(const Parts& parts, const Options& options)
    : parts_(parts),
      replicas_(parts.client, parts.metrics),
      metrics_(parts.metrics),
      reader_(parts.client, topics_, parts.history, parts.metrics),
      upkeep_({parts.client, topics_, parts.history, parts.leases}, options.upkeep) {
  const Writer::Parts writing{parts.client, topics_, parts.history, parts.leases, metrics_};
  for (uint32_t shard = 0; shard < parts.client.shards(); ++shard)
    writers_.push_back(std::make_unique<Writer>(writing, shard, options.writer));
}

Log::~Log() { Log::stop(); }

void Log::stop() noexcept {
  for (const auto& writer : writers_) writer->stop();
  upkeep_.stop();
}

Result<uint32_t> Log::shard_of(const Context& context, const CollectionId& collection) {
  if (parts_.sysdb == nullptr || parts_.client.shards() == 1) return 0U;
  if (const auto shard = topics_.shard(collection)) return *shard;
  const auto segments = parts_.sysdb->list_segments(context.with_freshness({}), collection);
  if (!segments.ok() && segments.error().code() == Code::not_found) return 0U;
  if (!segments.ok()) return segments.error();
  for (const Segment& segment : *segments) {
    if (segment.placement.empty()) continue;
    VIRIDIAN_TRY(const uint32_t shard, clickhouse::shard_of(segment.placement));
    if (shard >= parts_.client.shards()) {
      return Error(Code::failed_precondition,
                   fmt::format("collection {} is kept on {}, and clickhouse.url names {} shards: "
                               "name them all, in the order they always had",
                               collection.to_string(), segment.placement, parts_.client.shards()));
    }
    topics_.set_shard(collection, shard);
    return shard;
  }
  return 0U;
}

Result<SeqId> Log::append(const Context& context, const CollectionId& collection,
                          SharedBatch batch) {
  return append_checked(context, collection, std::move(batch), std::nullopt);
}

Result<SeqId> Log::append_if(const Context& context, const CollectionId& collection,
                             SharedBatch batch, SeqId last) {
  return append_checked(context, collection, std::move(batch), last);
}

Result<SeqId> Log::append_checked(const Context& context, const CollectionId& collection,
                                  SharedBatch batch, std::optional<SeqId> only_after) {
  if (batch == nullptr || batch->rows() == 0) return log::empty_batch();
  VIRIDIAN_TRY_VOID(check_sizes(*batch));
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY_VOID(upkeep_.finish_drop(context, collection));
  VIRIDIAN_TRY(const uint32_t shard, shard_of(context, collection));
  return writers_[shard]->append(context, collection, std::move(batch), only_after);
}

Status Log::start_after(const Context& context, const CollectionId& collection, SeqId after) {
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY_VOID(upkeep_.finish_drop(context, collection));
  VIRIDIAN_TRY(const uint64_t epoch, parts_.leases.epoch(context, collection));
  return parts_.history.start_after(context, collection, epoch, after);
}

Status Log::drop(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY_VOID(context.check());
  for (const auto& writer : writers_) writer->forget(collection);
  upkeep_.drop({collection});
  return ok_status();
}

Result<std::vector<CollectionId>> Log::stored(const Context& context, uint32_t shard) {
  // Until a collection has a row in the SysDb, only those who create it know it.
  const uint32_t age = parts_.sysdb == nullptr ? 0 : kCreationSeconds;
  const std::string sql = fmt::format(
      "SELECT collection_id AS c FROM {} GROUP BY c HAVING toUInt32(max(ts)) + {} <= "
      "toUInt32(now())",
      log_table(parts_.client), age);
  Error error(Code::unavailable, "no replica was asked");
  for (const Node& node : parts_.client.order(shard)) {
    auto block = parts_.client.select(context, node, sql, {{"c", std::vector<Uuid>()}});
    if (block.ok()) return std::move(block->get<std::vector<Uuid>>(0));
    error = block.error();
  }
  return error;
}

Result<std::vector<CollectionId>> Log::unknown_to_sysdb(const Context& context,
                                                        std::vector<CollectionId> candidates) {
  if (parts_.sysdb == nullptr) return candidates;
  const Context now = context.with_freshness({});
  std::vector<CollectionId> unknown;
  for (const CollectionId& candidate : candidates) {
    const auto found = parts_.sysdb->get_collection(now, candidate);
    if (!found.ok() && found.error().code() == Code::not_found) unknown.push_back(candidate);
  }
  return unknown;
}

Status Log::retain(const Context& context, const std::vector<CollectionId>& known) {
  VIRIDIAN_TRY_VOID(context.check());
  if (known.empty()) return ok_status();
  const std::unordered_set<CollectionId> kept(known.begin(), known.end());
  for (uint32_t shard = 0; shard < parts_.client.shards(); ++shard) {
    VIRIDIAN_TRY(std::vector<CollectionId> candidates, stored(context, shard));
    std::erase_if(candidates, [&](const CollectionId& id) { return kept.contains(id); });
    VIRIDIAN_TRY(const auto unknown, unknown_to_sysdb(context, std::move(candidates)));
    for (const CollectionId& id : unknown)
      for (const auto& writer : writers_) writer->forget(id);
    if (!unknown.empty()) upkeep_.drop(unknown);
  }
  return ok_status();
}

// The number first: if the lease was certain after that, it was then.
std::optional<SeqId> Log::last_for_sure(const CollectionId& collection) const {
  const auto writing = topics_.writing(collection);
  if (!writing || !parts_.leases.certain(collection, writing->epoch)) return std::nullopt;
  return writing->committed;
}

Result<Extent> Log::extent(const Context& context, const CollectionId& collection) {
  return extents_.answer(context, collection, [&](const Context& asking) -> Result<Extent> {
    const auto asked = Topics::Clock::now();
    VIRIDIAN_TRY(Extent found, parts_.history.extent(asking, collection));
    return topics_.learn(collection, std::move(found), asked);
  });
}

/// A history that goes beyond `after`, or is up to date.
Result<Extent> Log::extent_beyond(const Context& context, const CollectionId& collection,
                                  SeqId after) {
  const bool sure = last_for_sure(collection).has_value();
  auto known = topics_.known(collection);
  if (known && (sure || after < known->base || after < known->last)) return *std::move(known);
  return extent(context, collection);
}

Result<SeqId> Log::last(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY_VOID(context.check());
  if (upkeep_.dropping(collection)) return 0U;
  if (const auto sure = last_for_sure(collection)) return *sure;
  const milliseconds age = std::min(context.age(), kOldest);
  const SeqId at_least = context.freshness() ? context.freshness()->at_least : 0;
  if (age > milliseconds(0)) {
    const bool any = age == kOldest;
    if (!any) upkeep_.keep_fresh(collection, age);
    const auto since =
        any ? Topics::Clock::time_point::min() + milliseconds(1) : Topics::Clock::now() - age;
    const auto last = topics_.last_since(collection, since);
    if (last && *last >= at_least) return *last;
  }
  VIRIDIAN_TRY(const Extent found, extent(context, collection));
  return found.last;
}

bool Log::counts(const CollectionId& collection, SeqId applied) const {
  return topics_.check_reader(collection, applied).ok();
}

// What an epoch goes on from may have been decided, and not stored, when more rows of the one
// before came: until it has begun they look as if they counted.
Result<SeqId> Log::settle(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY(const uint64_t epoch, parts_.leases.epoch(context, collection));
  VIRIDIAN_TRY(const SeqId number, last(context, collection));
  const auto writing = topics_.writing(collection);
  // Of a log that was forgotten meanwhile nothing is begun.
  if (number == 0 || (writing && writing->epoch == epoch)) return number;
  VIRIDIAN_TRY(const uint32_t shard, shard_of(context, collection));
  VIRIDIAN_TRY(const SeqId begun, writers_[shard]->begin(context, collection));
  // It was forgotten while this waited: what has begun now goes, too.
  if (begun == 0) upkeep_.drop({collection});
  return begun;
}

Status Log::wait(const Context& context, const CollectionId& collection, SeqId after) {
  for (milliseconds longest = kFirstWait;; longest = std::min(longest * 2, kLongestWait)) {
    VIRIDIAN_TRY(const SeqId number, last(context, collection));
    if (number > after) return ok_status();
    const auto until = Topics::Clock::now() + longest;
    while (Topics::Clock::now() < until && topics_.last_known(collection) <= after) {
      VIRIDIAN_TRY_VOID(context.check());
      auto left = until;
      if (context.deadline()) left = std::min(left, *context.deadline());
      const auto step = std::chrono::ceil<milliseconds>(left - Topics::Clock::now());
      topics_.wait_past(collection, after, std::clamp(step, milliseconds(1), milliseconds(100)));
    }
  }
}

Result<std::vector<LogBatch>> Log::read(const Context& context, const CollectionId& collection,
                                        SeqId after, size_t limit_bytes) {
  Error error(Code::unavailable, "the log was not read");
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    VIRIDIAN_TRY_VOID(context.check());
    if (upkeep_.dropping(collection)) return std::vector<LogBatch>();
    VIRIDIAN_TRY(const Extent extent, extent_beyond(context, collection, after));
    VIRIDIAN_TRY_VOID(topics_.check_reader(collection, after));
    if (after < extent.base) return log::trimmed_away(collection, after, extent.base);
    if (after >= extent.last) return std::vector<LogBatch>();
    VIRIDIAN_TRY(const uint32_t shard, shard_of(context, collection));
    auto batches = reader_.read(context, collection, shard, extent, after, limit_bytes);
    if (batches.ok() || batches.error().code() != Code::aborted) return batches;
    error = batches.error();
  }
  return Error(Code::unavailable, error.message());
}

Result<SeqId> Log::trim_batches(const Context& context, const CollectionId& collection,
                                uint32_t shard, SeqId up_to) {
  if (up_to == 0) return 0U;
  VIRIDIAN_TRY(const Extent extent, extent_beyond(context, collection, up_to - 1));
  if (up_to <= extent.base) return extent.base;
  VIRIDIAN_TRY(const SeqId end, reader_.batch_end(context, collection, shard, extent, up_to));
  if (end <= extent.base) return extent.base;
  VIRIDIAN_TRY_VOID(parts_.history.trim(context, collection, end));
  topics_.trimmed(collection, end);
  return end;
}

Status Log::trim(const Context& context, const CollectionId& collection, SeqId up_to) {
  VIRIDIAN_TRY_VOID(context.check());
  if (upkeep_.dropping(collection)) return ok_status();
  VIRIDIAN_TRY(const uint32_t shard, shard_of(context, collection));
  VIRIDIAN_TRY_VOID(trim_batches(context, collection, shard, up_to));
  return ok_status();
}

Status Log::erase(const Context& context, const CollectionId& collection, SeqId up_to) {
  VIRIDIAN_TRY_VOID(context.check());
  if (upkeep_.dropping(collection)) return upkeep_.finish_drop(context, collection);
  VIRIDIAN_TRY(const uint32_t shard, shard_of(context, collection));
  VIRIDIAN_TRY(const SeqId end, trim_batches(context, collection, shard, up_to));
  return erase_rows(context, parts_.client, shard, kLogTable,
                    fmt::format("collection_id = {} AND seq <= {} AND op < {}", literal(collection),
                                end, kSealOp));
}

std::vector<HealthFinding> Log::health(const Context& context) {
  const std::vector<NodeHealth> nodes = replicas_.health(context);
  std::vector<HealthFinding> findings;
  for (const NodeHealth& node : nodes) {
    const bool others = std::any_of(nodes.begin(), nodes.end(), [&](const NodeHealth& other) {
      return other.node.shard == node.node.shard && other.reachable;
    });
    if (!node.reachable)
      findings.push_back({fmt::format("{} does not answer: {}", node.address, node.error), others});
    if (node.read_only)
      findings.push_back({fmt::format("the replica at {} takes no writes", node.address), true});
    if (node.delay_seconds > 0) {
      findings.push_back({fmt::format("the replica at {} lags by {} s and {} changes", node.address,
                                      node.delay_seconds, node.queue),
                          true});
    }
  }
  return findings;
}

}  // namespace viridian::clickhouse
