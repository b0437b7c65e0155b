#include "log/clickhouse_upkeep.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "clickhouse/erase.h"
#include "clickhouse/literal.h"
#include "log/clickhouse_rows.h"
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

/// Dropped collections that one statement names: a statement may not be longer than 256 KiB.
constexpr size_t kForgottenAtOnce = 1000;
/// Between two tries to forget them.
constexpr milliseconds kPauseAfterFailure{10'000};

/// A collection in slot 0: who holds that drops days.
constexpr CollectionId kFirstSlot{};

void report(std::string_view what, const Status& outcome) {
  if (outcome.ok() || outcome.error().code() == Code::cancelled) return;
  obs::log(obs::Level::warn, "log", what, {{"error", outcome.error().message()}});
}

}  // namespace

Upkeep::Upkeep(const Parts& parts, const Options& options)
    : parts_(parts),
      options_(options),
      thread_([this] { run(); }),
      forgetting_thread_([this] { forget_dropped(); }) {}

Upkeep::~Upkeep() { stop(); }

void Upkeep::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto* context : {&current_, &forgetting_})
      if (*context) (*context)->cancel();
  }
  work_.notify_all();
  for (std::thread* thread : {&thread_, &forgetting_thread_})
    if (thread->joinable()) thread->join();
}

void Upkeep::drop(const std::vector<CollectionId>& collections) {
  const std::lock_guard lock(mutex_);
  dropping_.insert(collections.begin(), collections.end());
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

Context Upkeep::limited(std::optional<Context>& current) {
  const std::lock_guard lock(mutex_);
  Context context = Context::with_timeout(kRound);
  if (stopping_) context.cancel();
  current = context;
  return context;
}

void Upkeep::run() {
  auto days_at = Context::Clock::now() + options_.drop_days_every;
  while (true) {
    const milliseconds idle = next_poll();
    {
      std::unique_lock lock(mutex_);
      work_.wait_for(lock, idle, [&] { return stopping_ || wake_; });
      wake_ = false;
      if (stopping_) return;
    }
    report("last numbers could not be asked for",
           log::guarded([&] { return poll(limited(current_)); }));
    if (Context::Clock::now() < days_at) continue;
    report("a server's time could not be asked for",
           log::guarded([&] { return ask_times(limited(current_)); }));
    report("the log's old days could not be dropped",
           log::guarded([&] { return drop_days(limited(current_)); }));
    days_at = Context::Clock::now() + options_.drop_days_every;
  }
}

// Deleting takes a while where a server is busy or away; readers wait for the rest meanwhile.
void Upkeep::forget_dropped() {
  milliseconds pause{0};
  while (true) {
    {
      std::unique_lock lock(mutex_);
      work_.wait_for(lock, pause, [&] { return stopping_; });
      work_.wait(lock, [&] { return stopping_ || !dropping_.empty(); });
      if (stopping_) break;
    }
    const Status forgotten = log::guarded([&] { return forget(limited(forgetting_)); });
    report("dropped collections are not forgotten yet", forgotten);
    pause = forgotten.ok() ? milliseconds(0) : kPauseAfterFailure;
  }
  report("dropped collections are not forgotten",
         log::guarded([&] { return forget(Context::with_timeout(kLastRound)); }));
}

Status Upkeep::forget(const Context& context) {
  while (true) {
    std::vector<CollectionId> ids;
    {
      const std::lock_guard lock(mutex_);
      for (const CollectionId& id : dropping_) {
        if (ids.size() == kForgottenAtOnce) break;
        ids.push_back(id);
      }
    }
    if (ids.empty()) return ok_status();
    VIRIDIAN_TRY_VOID(forget(context, ids));
    const std::lock_guard lock(mutex_);
    for (const CollectionId& id : ids) dropping_.erase(id);
    dropped_.notify_all();
  }
}

// First the histories: rows without one count for nothing.
Status Upkeep::forget(const Context& context, const std::vector<CollectionId>& ids) {
  VIRIDIAN_TRY_VOID(parts_.history.forget(context, ids));
  for (uint32_t shard = 0; shard < parts_.client.shards(); ++shard)
    VIRIDIAN_TRY_VOID(erase_rows(context, parts_.client, shard, kLogTable,
                                 fmt::format("collection_id IN ({})", literals(ids))));
  for (const CollectionId& id : ids) parts_.topics.forget(id);
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

Status Upkeep::ask_times(const Context& context) {
  Status asked = ok_status();
  for (uint32_t shard = 0; shard < parts_.client.shards(); ++shard) {
    for (const Node& node : parts_.client.order(shard)) {
      Status one = parts_.client.ask_time(context, node);
      if (!one.ok()) asked = std::move(one);
    }
  }
  return asked;
}

// Every replica has to answer: dropping a partition takes what one alone has, too. A day is long
// past once it is for all their clocks; rows bear the time of one of them, or a later one
// (RowClock).
Result<Upkeep::Days> Upkeep::old_days(const Context& context, uint32_t shard) {
  const std::vector<Node> nodes = parts_.client.order(shard);
  using Numbers = std::vector<uint32_t>;
  uint32_t first_kept = UINT32_MAX;
  for (const Node& node : nodes) {
    VIRIDIAN_TRY(const Block block,
                 parts_.client.select(context, node,
                                      fmt::format("SELECT toUInt32(toYYYYMMDD(now() - {})) AS day",
                                                  options_.days_stay.count()),
                                      {{"day", Numbers()}}));
    if (block.rows() != 1) return Error(Code::data_loss, "ClickHouse does not tell the day");
    first_kept = std::min(first_kept, block.get<Numbers>(0).front());
  }
  const std::string sql = fmt::format(
      "SELECT toUInt32(toYYYYMMDD(ts)) AS day, collection_id AS c, max(seq) AS m FROM {} WHERE "
      "toYYYYMMDD(ts) < {} GROUP BY day, c",
      log_table(parts_.client), first_kept);
  const Shape shape = {
      {"day", Numbers()}, {"c", std::vector<Uuid>()}, {"m", std::vector<uint64_t>()}};
  Days days;
  for (const Node& node : nodes) {
    VIRIDIAN_TRY(const Block block, parts_.client.select(context, node, sql, shape));
    for (size_t row = 0; row < block.rows(); ++row) {
      SeqId& last = days[block.get<Numbers>(0)[row]][block.get<std::vector<Uuid>>(1)[row]];
      last = std::max(last, block.get<std::vector<uint64_t>>(2)[row]);
    }
  }
  return days;
}

Status Upkeep::drop_days_of(const Context& context, uint32_t shard) {
  VIRIDIAN_TRY(const Days days, old_days(context, shard));
  for (const auto& [day, lasts] : days) {
    bool all = true;
    for (const auto& [collection, last] : lasts) {
      VIRIDIAN_TRY(all, may_go(context, collection, last));
      if (!all) break;
    }
    if (!all) continue;
    VIRIDIAN_TRY_VOID(parts_.client.execute(
        context, parts_.client.order(shard).front(),
        fmt::format("ALTER TABLE {} DROP PARTITION {}", log_table(parts_.client), day)));
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
