#include "sysdb/clickhouse_catalogue.h"

#include <fmt/format.h>

#include <vector>

#include "obs/log.h"
#include "sysdb/clickhouse_body.h"
#include "viridian/base/uuid.h"

namespace viridian::clickhouse {
namespace {

using std::chrono::steady_clock;

constexpr const char* kHead = "head";
constexpr size_t kSnapshotPartBytes = size_t{8} << 20;
constexpr std::chrono::seconds kSnapshotTimeout{60};
/// Far more than a change has to wait for its turn.
constexpr size_t kRecent = 4096;
constexpr int kLoads = 4;

std::string new_id() {
  std::string id;
  for (const char c : Uuid::random().to_string())
    if (c != '-') id.push_back(c);
  return id;
}

/// Counts as long as it lives.
class Count {
 public:
  explicit Count(std::atomic<int>& count) : count_(count) { ++count_; }
  ~Count() { --count_; }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;

 private:
  std::atomic<int>& count_;
};

}  // namespace

Catalogue::Catalogue(Client& client, uint64_t snapshot_every)
    : heads_(client, kHead, {kHead}), log_(client), snapshot_every_(snapshot_every) {}

Status Catalogue::open(const Context& context) {
  VIRIDIAN_TRY_VOID(heads_.open(
      context, [this](const Context& asking) { return log_.begin_anew(asking, kHead); }));
  return follow(context);
}

Result<Catalogue::Version> Catalogue::head(const Context& context) {
  VIRIDIAN_TRY(const NamedValues::Values values, heads_.read(context));
  return values.at(kHead);
}

Catalogue::Version Catalogue::version() const {
  const std::shared_lock lock(state_mutex_);
  return version_;
}

// ---- Following

Status Catalogue::follow(const Context& context) {
  const auto begun = steady_clock::now();
  VIRIDIAN_TRY(const Version newest, head(context));
  VIRIDIAN_TRY_VOID(advance(context, newest));
  auto known = as_of_.load();
  while (known < begun && !as_of_.compare_exchange_weak(known, begun)) continue;
  return ok_status();
}

Status Catalogue::advance(const Context& context, const Version& to) {
  // There is one sequence: a later version has all that this one has.
  if (version().version >= to.version) return ok_status();
  const std::lock_guard follow(follow_mutex_);
  for (int attempt = 0;; ++attempt) {
    const Version from = version();
    if (from.version >= to.version) return ok_status();
    if (attempt > 0 || to.version - from.version > snapshot_every_) {
      const Status loaded = load_snapshot(context, to);
      if (!loaded.ok() && (loaded.error().code() != Code::out_of_range || attempt >= kLoads))
        return loaded;
    }
    auto steps = log_.steps(context, version(), to);
    if (steps.ok()) {
      for (const VersionLog::Step& step : *steps) {
        VIRIDIAN_TRY(const Change change, decode_body(step.body));
        apply(step.to, change);
      }
      return ok_status();
    }
    if (steps.error().code() != Code::out_of_range) return steps.error();
    if (attempt >= kLoads)
      return Error(Code::data_loss,
                   fmt::format("the catalogue in ClickHouse cannot be read: {}; restore the "
                               "database from a backup, into a database that has no tables {}_...",
                               steps.error().message(), kHead));
  }
}

/// Of the newest version up to `to` that there is one of, if that is ahead.
Status Catalogue::load_snapshot(const Context& context, const Version& to) {
  VIRIDIAN_TRY(const auto snapshot, log_.snapshot(context, version().version, to.version));
  if (!snapshot) return ok_status();
  State state;
  for (const std::string& body : snapshot->bodies) {
    VIRIDIAN_TRY(const Change change, decode_body(body));
    state.apply(change);
  }
  const std::lock_guard lock(state_mutex_);
  state_ = std::move(state);
  version_ = snapshot->version;
  recent_.clear();
  recent_[version_.version] = version_.text;
  return ok_status();
}

/// By the holder of follow_mutex_.
void Catalogue::apply(const Version& to, const Change& change) {
  const std::lock_guard lock(state_mutex_);
  state_.apply(change);
  version_ = to;
  recent_[to.version] = to.text;
  if (recent_.size() > kRecent) recent_.erase(recent_.begin());
}

// ---- Changing

Result<Catalogue::Change> Catalogue::change(const Context& context, const Decide& decide,
                                            const Permit& permit) {
  std::unique_lock lock(change_mutex_);
  for (;;) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(follow(context));
    Version from;
    auto decided = read([&](const State& state) {
      from = version_;
      return decide(state);
    });
    if (!decided.ok()) return decided;
    if (permit) VIRIDIAN_TRY_VOID(permit(context));
    VIRIDIAN_TRY(const bool done, try_change(context, from, *decided));
    if (!done) continue;
    lock.unlock();
    if ((from.version + 1) % snapshot_every_ == 0) store_snapshot();
    return decided;
  }
}

/// Whether it took effect. After an error it may have, or may yet, if in_doubt().
Result<bool> Catalogue::try_change(const Context& context, const Version& from,
                                   const Change& change) {
  const Version to{from.version + 1, new_id()};
  VIRIDIAN_TRY_VOID(log_.append(context, to, from, encode_body(change)));
  const Count pending(pending_);
  const NamedValues::Swap swap{kHead, from, to};
  const auto values = heads_.swap(context, std::span(&swap, 1));
  auto effect = values.ok() ? took_effect(context, to, values->at(kHead)) : values.error();
  if (!effect.ok()) {
    in_doubt_ = true;
    const Code code = effect.error().code();
    return Error(
        code == Code::deadline_exceeded || code == Code::cancelled ? code : Code::unavailable,
        fmt::format("whether a change of the catalogue took effect is not known: {}",
                    effect.error().message()));
  }
  if (!*effect) return false;
  {
    const std::lock_guard follow(follow_mutex_);
    if (version() == from) apply(to, change);  // else a reader was quicker
  }
  in_doubt_ = false;  // an older change could not take effect any more
  return true;
}

/// `now`: the newest version after the swap. Others may have built upon `wanted` meanwhile.
Result<bool> Catalogue::took_effect(const Context& context, const Version& wanted,
                                    const Version& now) {
  if (now == wanted) return true;
  VIRIDIAN_TRY_VOID(advance(context, now));
  const std::shared_lock lock(state_mutex_);
  const auto found = recent_.find(wanted.version);
  if (found == recent_.end())
    return Error(Code::unavailable, "the servers' changes since then were merged already");
  return found->second == wanted.text;
}

/// Without it everything works, but a start takes longer.
void Catalogue::store_snapshot() {
  VersionLog::Snapshot snapshot;
  const Change whole = read([&](const State& state) {
    snapshot.version = version_;
    return state.everything();
  });
  snapshot.bodies = encode_bodies(whole, kSnapshotPartBytes);
  const Context context = Context::with_timeout(kSnapshotTimeout);
  Status stored = log_.write_snapshot(context, snapshot);
  if (stored.ok()) stored = log_.trim(context);
  if (!stored.ok())
    obs::log(obs::Level::warn, "sysdb", "a snapshot of the catalogue could not be stored",
             {{"version", snapshot.version.version}, {"error", stored.error().message()}});
}

}  // namespace viridian::clickhouse
