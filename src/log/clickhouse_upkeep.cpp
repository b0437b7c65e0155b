#include "log/clickhouse_upkeep.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "log/clickhouse_erase.h"
#include "log/guarded.h"
#include "log/wait.h"
#include "obs/log.h"

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kIdle{1'000};
constexpr milliseconds kShortestPoll{5};
/// One round of work takes no longer than this, and goes on in the next.
constexpr std::chrono::minutes kRound{2};
/// Time that is left for drops when the log is closed.
constexpr std::chrono::seconds kLastRound{10};

/// A collection in slot 0: who holds that drops days.
constexpr CollectionId kFirstSlot{};

void report(std::string_view what, const Status& outcome) {
  if (outcome.ok() || outcome.error().code() == Code::cancelled) return;
  obs::log(obs::Level::warn, "log", what, {{"error", outcome.error().message()}});
}

}  // namespace

Upkeep::Upkeep(const Parts& parts, const Options& options)
    : parts_(parts), options_(options), thread_([this] { run(); }) {}

Upkeep::~Upkeep() { stop(); }

void Upkeep::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (current_) current_->cancel();
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Upkeep::drop(const std::vector<CollectionId>& collections) {
  const std::lock_guard lock(mutex_);
  dropping_.insert(collections.begin(), collections.end());
  wake_ = true;
  work_.notify_all();
}

bool Upkeep::dropping(const CollectionId& collection) const {
  const std::lock_guard lock(mutex_);
  return dropping_.contains(collection);
}

Status Upkeep::finish_drop(const Context& context, const CollectionId& collection) {
  std::unique_lock lock(mutex_);
  return log::wait_until(context, dropped_, lock, [&] { return !dropping_.contains(collection); });
}

void Upkeep::keep_fresh(const CollectionId& collection, milliseconds age) {
  if (!parts_.topics.want_fresh(collection, age)) return;
  const std::lock_guard lock(mutex_);
  wake_ = true;
  work_.notify_all();
}

Context Upkeep::limited() {
  const std::lock_guard lock(mutex_);
  Context context = Context::with_timeout(kRound);
  if (stopping_) context.cancel();
  current_ = context;
  return context;
}

void Upkeep::run() {
  auto days_at = Context::Clock::now() + options_.drop_days_every;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (stopping_) break;
    }
    const milliseconds idle = next_poll();
    {
      std::unique_lock lock(mutex_);
      work_.wait_for(lock, idle, [&] { return stopping_ || wake_; });
      wake_ = false;
      if (stopping_) break;
    }
    report("dropped collections are not forgotten yet",
           log::guarded([&] { return forget(limited()); }));
    report("last numbers could not be asked for", log::guarded([&] { return poll(limited()); }));
    if (Context::Clock::now() < days_at) continue;
    report("the log's old days could not be dropped",
           log::guarded([&] { return drop_days(limited()); }));
    days_at = Context::Clock::now() + options_.drop_days_every;
  }
  report("dropped collections are not forgotten",
         log::guarded([&] { return forget(Context::with_timeout(kLastRound)); }));
}

// First the histories: rows without one count for nothing.
Status Upkeep::forget(const Context& context) {
  std::vector<CollectionId> ids;
  {
    const std::lock_guard lock(mutex_);
    ids.assign(dropping_.begin(), dropping_.end());
  }
  if (ids.empty()) return ok_status();
  VIRIDIAN_TRY_VOID(parts_.history.forget(context, ids));
  for (uint32_t shard = 0; shard < parts_.client.shards(); ++shard) {
    Status erased = ok_status();
    for (const Node& node : parts_.replicas.order(shard)) {
      erased = erase_rows(context, parts_.client, node,
                          fmt::format("collection_id IN ({})", literals(ids)));
      parts_.replicas.note(node, erased);
      if (erased.ok()) break;
    }
    VIRIDIAN_TRY_VOID(erased);
  }
  for (const CollectionId& id : ids) parts_.topics.forget(id);
  const std::lock_guard lock(mutex_);
  for (const CollectionId& id : ids) dropping_.erase(id);
  dropped_.notify_all();
  return ok_status();
}

milliseconds Upkeep::next_poll() const {
  milliseconds next = kIdle;
  for (const auto& [collection, age] : parts_.topics.wanted_fresh())
    next = std::min(next, std::max(age / 2, kShortestPoll));
  return next;
}

// Of collections that this process appends to there is nothing to ask, as long as it does.
Status Upkeep::poll(const Context& context) {
  std::vector<CollectionId> asked;
  const auto ask_whole = [&](const CollectionId& collection) -> Status {
    const auto at = Topics::Clock::now();
    VIRIDIAN_TRY(Extent extent, parts_.history.extent(context, collection));
    parts_.topics.learn(collection, std::move(extent), at);
    return ok_status();
  };
  for (const auto& [collection, age] : parts_.topics.wanted_fresh()) {
    const auto writing = parts_.topics.writing(collection);
    if (!writing)
      asked.push_back(collection);
    else if (!parts_.leases.certain(collection, writing->epoch))
      VIRIDIAN_TRY_VOID(ask_whole(collection));
  }
  if (asked.empty()) return ok_status();
  const auto at = Topics::Clock::now();
  VIRIDIAN_TRY(const auto lasts, parts_.history.lasts(context, asked));
  for (size_t i = 0; i < asked.size() && i < lasts.size(); ++i)
    if (!parts_.topics.learn_last(asked[i], lasts[i], at)) VIRIDIAN_TRY_VOID(ask_whole(asked[i]));
  return ok_status();
}

Result<bool> Upkeep::may_go(const Context& context, const CollectionId& collection, SeqId last) {
  VIRIDIAN_TRY(const Extent extent, parts_.history.extent(context, collection));
  if (extent.spans.empty()) return true;
  if (last > extent.base) return false;
  // Some histories are kept in rows of the same table: this one goes on in a row of today.
  VIRIDIAN_TRY_VOID(parts_.history.trim(context, collection, extent.base));
  return true;
}

Status Upkeep::drop_days_of(const Context& context, uint32_t shard) {
  const Node node = parts_.replicas.order(shard).front();
  const std::string table = log_table(parts_.client);
  const std::string sql = fmt::format(
      "SELECT toUInt32(toYYYYMMDD(ts)) AS day, collection_id AS c, max(seq) AS m FROM "
      "{} WHERE toYYYYMMDD(ts) < toYYYYMMDD(now() - {}) GROUP BY day, c",
      table, options_.days_stay.count());
  const Shape shape = {
      {"day", std::vector<uint32_t>()}, {"c", std::vector<Uuid>()}, {"m", std::vector<uint64_t>()}};
  VIRIDIAN_TRY(const Block block, parts_.client.select(context, node, sql, shape));
  std::map<uint32_t, std::vector<size_t>> days;
  for (size_t row = 0; row < block.rows(); ++row)
    days[block.get<std::vector<uint32_t>>(0)[row]].push_back(row);
  for (const auto& [day, rows] : days) {
    bool all = true;
    for (size_t i = 0; i < rows.size() && all; ++i) {
      VIRIDIAN_TRY(all, may_go(context, block.get<std::vector<Uuid>>(1)[rows[i]],
                               block.get<std::vector<uint64_t>>(2)[rows[i]]));
    }
    if (!all) continue;
    VIRIDIAN_TRY_VOID(parts_.client.execute(
        context, node, fmt::format("ALTER TABLE {} DROP PARTITION {}", table, day)));
  }
  return ok_status();
}

Status Upkeep::drop_days(const Context& context) {
  if (!parts_.leases.epoch(context, kFirstSlot).ok()) return ok_status();
  for (uint32_t shard = 0; shard < parts_.client.shards(); ++shard)
    VIRIDIAN_TRY_VOID(drop_days_of(context, shard));
  return ok_status();
}

}  // namespace viridian::clickhouse
