#include "segment/clickhouse_segment_manager.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/hash.h"
#include "clickhouse/placement.h"
#include "os/usable_memory.h"
#include "segment/clickhouse_images.h"
#include "segment/local_segment_manager.h"
#include "segment/unsynced_files.h"

namespace viridian::clickhouse {
namespace {

constexpr int kTries = 5;

std::string default_cache_path() {
  std::error_code ignored;
  const std::filesystem::path system = std::filesystem::temp_directory_path(ignored);
  return (system.empty() ? std::string("/tmp") : system.string()) + "/viridian-cache-" +
         std::to_string(::geteuid());
}

segment::Options cache_options(const Settings& settings) {
  segment::Options options = segment::upkeep_options(settings);
  options.cache_bytes = settings.unsigned_integer("cache.bytes");
  if (options.cache_bytes == 0) options.cache_bytes = os::usable_memory() / 2;
  options.heads_bytes =
      std::min(settings.unsigned_integer("memory.heads_bytes"), options.cache_bytes);
  return options;
}

SegmentManager::Options options_of(const Settings& settings, uint32_t shards) {
  SegmentManager::Options options;
  options.compact_bytes = settings.unsigned_integer("clickhouse.compact_bytes");
  options.compact_records = settings.unsigned_integer("clickhouse.compact_records");
  options.compact_age = std::chrono::seconds(settings.integer("clickhouse.compact_seconds"));
  options.shards = shards;
  return options;
}

/// The shard that weighs most for the collection: another shard more takes only what it wins.
uint32_t choose_shard(const CollectionId& id, uint32_t shards) {
  uint32_t best = 0;
  uint64_t most = 0;
  for (uint32_t shard = 0; shard < shards; ++shard) {
    const std::string text = id.to_string() + placement_of(shard);
    const uint64_t weight = hash64(text);
    if (shard != 0 && weight <= most) continue;
    best = shard;
    most = weight;
  }
  return best;
}

Error no_images() {
  return Error(Code::unimplemented,
               "snapshots are not offered where ClickHouse keeps the data: use its backups");
}

}  // namespace

Result<std::unique_ptr<SegmentManager>> SegmentManager::create(System& system) {
  VIRIDIAN_TRY(os::Files * files, system.require<os::Files>());
  VIRIDIAN_TRY(Client * client, system.require<Client>());
  VIRIDIAN_TRY(viridian::SysDb * sysdb, system.require<viridian::SysDb>());
  VIRIDIAN_TRY(Leases * leases, system.require<Leases>());
  VIRIDIAN_TRY(Consumer * consumer, system.require<Consumer>());
  VIRIDIAN_TRY(Executor * executor, system.require<Executor>());
  VIRIDIAN_TRY(obs::Metrics * metrics, system.require<obs::Metrics>());
  const Settings& settings = system.settings();
  const std::string& metadata_type = settings.text("metadata_segment");
  const std::string& vector_type = settings.text("vector_segment");
  const SegmentTypes types = local::SegmentManager::types();
  if (!types.has_metadata(metadata_type) || !types.has_vector(vector_type))
    return Error(Code::invalid_argument,
                 "the settings metadata_segment and vector_segment must name segment types that "
                 "there are: '" +
                     metadata_type + "', '" + vector_type + "'");
  std::string path = settings.text("cache.path");
  if (path.empty()) path = default_cache_path();
  const auto copies = static_cast<uint32_t>(settings.unsigned_integer("clickhouse.copies"));
  Holdings holdings{std::make_unique<segment::UnsyncedFiles>(*files),
                    std::make_unique<Images>(*client, copies)};
  return std::make_unique<SegmentManager>(
      Peers{*sysdb, *consumer, *leases, *executor, metrics}, std::move(holdings), path,
      cache_options(settings), options_of(settings, client->shards()), metadata_type, vector_type);
}

SegmentManager::SegmentManager(const Peers& peers, Holdings holdings, const std::string& cache_path,
                               const segment::Options& cache, const Options& options,
                               std::string metadata_type, std::string vector_type)
    : Holdings(std::move(holdings)),
      Manager({peers.sysdb, peers.consumer, peers.executor, Holdings::files.get(),
               os::join(cache_path, Uuid::random().to_string()), peers.metrics,
               local::SegmentManager::types(), cache, Holdings::store.get()},
              std::move(metadata_type), std::move(vector_type)),
      sysdb_(peers.sysdb),
      consumer_(peers.consumer),
      leases_(peers.leases),
      options_(options),
      compaction_({peers.sysdb, peers.consumer, peers.leases, *Holdings::store}),
      cache_path_(cache_path) {}

SegmentManager::~SegmentManager() { SegmentManager::stop(); }

Status SegmentManager::start(const Context& context) {
  VIRIDIAN_TRY(directory_,
               segment::CacheDirectory::create(*Holdings::files, cache_path_, environment().root));
  VIRIDIAN_TRY_VOID(Manager::start(context));
  next_round_ = Clock::now() + options_.compact_age;
  thread_ = std::thread([this] { run(); });
  return ok_status();
}

void SegmentManager::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    context_.cancel();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  Manager::stop();
}

std::vector<Segment> SegmentManager::plan(const CollectionId& id) const {
  std::vector<Segment> segments = Manager::plan(id);
  const std::string placement = placement_of(choose_shard(id, options_.shards));
  for (Segment& segment : segments) segment.placement = placement;
  return segments;
}

Status SegmentManager::compact(const Context& context, const CollectionId& id, bool purge) {
  VIRIDIAN_TRY_VOID(leases_.epoch(context, id));
  for (int left = kTries;; --left) {
    VIRIDIAN_TRY(const Shared collection, caught_up(context, id));
    Status compacted = compact_open(context, *collection, purge);
    if (compacted.ok() || compacted.error().code() != Code::out_of_range || left == 1)
      return compacted;
    VIRIDIAN_TRY_VOID(renew(context, collection));
  }
}

Status SegmentManager::compact_open(const Context& context, segment::CollectionSegments& collection,
                                    bool purge) {
  Status compacted = compaction_.run(context, collection, purge);
  const segment::SegmentMetrics& metrics = environment().metrics;
  if (compacted.ok())
    metrics.compactions.inc();
  else if (compacted.error().code() != Code::aborted)
    metrics.failed_compactions.inc();
  return compacted;
}

Status SegmentManager::seal(const Context& context, const CollectionId& id) {
  return compact(context, id, false);
}

Status SegmentManager::compact(const Context& context, const CollectionId& id) {
  return compact(context, id, true);
}

Result<SegmentImage> SegmentManager::image(const Context&, const CollectionId&) {
  return no_images();
}

Result<std::vector<Segment>> SegmentManager::restore(const Context&, const CollectionId&,
                                                     const SegmentImage&) {
  return no_images();
}

Result<SegmentStats> SegmentManager::stats(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const Shared collection, pool().get(context, id));
  SegmentStats stats = collection->stats();
  stats.sealed = collection->origin()->base().sealed;  // not what the cache has in files
  return stats;
}

Status SegmentManager::drop(const Context& context, const CollectionId& id) {
  {
    const std::lock_guard lock(mutex_);
    dropped_.push_back(id);
  }
  return Manager::drop(context, id);
}

}  // namespace viridian::clickhouse
