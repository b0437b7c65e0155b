#include "lease/lease_keeper.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>

#include "base/hash.h"
#include "obs/log.h"

namespace viridian {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr int kRoundsPerLife = 10;
constexpr int kBeatsPerLife = 3;
constexpr int kLivesToForget = 10;
constexpr milliseconds kStopTimeout{3000};
/// Rounds wait while a slot is renewed: what it asks of the store takes this part of a life, and
/// finding out what came of that half as long.
constexpr int kRenewalsPerLife = 5;

/// For how long after the beginning of a beat its sender is certain.
nanoseconds certainty(milliseconds ttl) { return nanoseconds(ttl) * 2 / 3; }

/// For a part of what `context` is for. Not cancelled with it: of a lease that is taken while
/// nobody waits for the answer nobody knows the epoch, and it is not given back when this process
/// stops.
Context limited(const Context& context, milliseconds limit) {
  const Context own = Context::with_timeout(limit);
  return context.deadline() ? own.no_later_than(*context.deadline()) : own;
}

}  // namespace

LeaseKeeper::Options LeaseKeeper::options_of(const Settings& settings) {
  Options options;
  options.id = unique_server_id(settings.text("node.id"));
  options.url = settings.text("node.url");
  if (options.url.empty()) {
    const std::string& host = settings.text("server.host");
    const bool bare_ipv6 = host.find(':') != std::string::npos;
    options.url = fmt::format("http://{}:{}", bare_ipv6 ? "[" + host + "]" : host,
                              settings.integer("server.port"));
  }
  options.ttl = milliseconds(settings.integer("lease.ttl_ms"));
  return options;
}

LeaseKeeper::Time LeaseKeeper::boot_time() {
  timespec spec{};
  ::clock_gettime(CLOCK_BOOTTIME, &spec);
  return std::chrono::seconds(spec.tv_sec) + nanoseconds(spec.tv_nsec);
}

std::string LeaseKeeper::unique_server_id(std::string_view name) {
  const std::string random = Uuid::random().to_string();
  return name.empty() ? random : fmt::format("{}-{}", name, random.substr(0, 8));
}

LeaseKeeper::LeaseKeeper(std::unique_ptr<LeaseStore> store, Options options)
    : store_(std::move(store)), options_(std::move(options)) {
  for (uint32_t slot = 0; slot < kSlots; ++slot) slots_[slot].lease.slot = slot;
}

LeaseKeeper::~LeaseKeeper() { LeaseKeeper::stop(); }

milliseconds LeaseKeeper::interval() const noexcept {
  return std::max(options_.ttl / kRoundsPerLife, milliseconds(10));
}

// ---- Start and stop

Status LeaseKeeper::start(const Context& context) {
  VIRIDIAN_TRY_VOID(store_->open(context));
  VIRIDIAN_TRY_VOID(round(context));
  if (options_.rounds_by_itself)
    thread_ = std::jthread([this](const std::stop_token& stopping) { run(stopping); });
  return ok_status();
}

void LeaseKeeper::run(const std::stop_token& stopping) {
  bool failing = false;
  while (!stopping.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stopping, interval(), [] { return false; });
    }
    if (stopping.stop_requested()) return;
    const Status done = round(Context::with_timeout(options_.ttl / 2));
    if (!done.ok() && !failing)
      obs::log(obs::Level::warn, "lease", "leases cannot be renewed, and it is tried again",
               {{"error", done.error().message()}});
    if (done.ok() && failing) obs::log(obs::Level::warn, "lease", "leases are renewed again");
    failing = !done.ok();
  }
}

void LeaseKeeper::stop() noexcept {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  const std::lock_guard round(round_mutex_);
  if (stopped_ || beats_ == 0) return;
  stopped_ = true;
  std::vector<Lease> mine;
  {
    const std::lock_guard lock(mutex_);
    for (Slot& slot : slots_) {
      lose(slot);
      if (slot.lease.server == options_.id) mine.push_back(slot.lease);
    }
  }
  // Gone first, so that those who see the free leases do not leave them to this server.
  const Context context = Context::with_timeout(kStopTimeout);
  Status left = store_->leave(context, options_.id);
  if (left.ok() && !mine.empty()) left = store_->release(context, mine);
  if (!left.ok())
    obs::log(obs::Level::warn, "lease", "others must wait before they take over from this server",
             {{"error", left.error().message()}});
}

// ---- Rounds

Status LeaseKeeper::round(const Context& context) {
  const std::lock_guard round(round_mutex_);
  if (stopped_) return Error(Code::unavailable, "the leases are stopped");
  return do_round(context);
}

Status LeaseKeeper::do_round(const Context& context) {
  VIRIDIAN_TRY_VOID(beat_if_due(context));
  const Time begun = now();
  VIRIDIAN_TRY_VOID(look(context));
  return carry_out(context, plan(begun));
}

Status LeaseKeeper::beat_if_due(const Context& context) {
  const Time begun = now();
  if (beat_begun_ && begun - *beat_begun_ < nanoseconds(options_.ttl) / kBeatsPerLife)
    return ok_status();
  VIRIDIAN_TRY_VOID(store_->beat(context, {options_.id, options_.url, ++beats_}));
  beat_begun_ = unconfirmed_ = begun;
  const std::lock_guard lock(mutex_);
  beaten_ = begun;
  return ok_status();
}

Status LeaseKeeper::look(const Context& context) {
  VIRIDIAN_TRY(const LeaseStore::State state, store_->read(context));
  const Time ended = now();
  std::vector<Lease> lost;
  {
    const std::lock_guard lock(mutex_);
    note_servers(state, ended);
    lost = note_leases(state);
    if (unconfirmed_) {
      for (Slot& slot : slots_)
        if (slot.held) slot.certain_until = *unconfirmed_ + certainty(options_.ttl);
    }
  }
  unconfirmed_.reset();
  first_look_ = false;
  for (const Lease& lease : lost)
    obs::log(obs::Level::warn, "lease", "another server took a slot over",
             {{"slot", lease.slot}, {"server", lease.server}, {"epoch", lease.epoch}});
  return ok_status();
}

void LeaseKeeper::note_servers(const LeaseStore::State& state, Time ended) {
  std::map<std::string, Heard> heard;
  for (const Lease& lease : state.leases)
    if (!lease.server.empty()) heard[lease.server].at = ended;
  for (const LeaseStore::Server& server : state.servers)
    heard[server.id] = {server.url, server.beat, ended, false};
  for (auto& [id, now_heard] : heard) {
    const auto before = heard_.find(id);
    if (before == heard_.end()) {
      // A row that was not there when this server began to look is of one that lives.
      now_heard.proven = now_heard.beat && !first_look_;
    } else if (before->second.beat == now_heard.beat) {
      now_heard.at = before->second.at;
      now_heard.proven = before->second.proven;
    } else {
      now_heard.proven = now_heard.beat.has_value();
    }
  }
  heard_ = std::move(heard);
}

std::vector<LeaseStore::Lease> LeaseKeeper::note_leases(const LeaseStore::State& state) {
  std::vector<Lease> lost;
  for (const Lease& lease : state.leases) {
    if (lease.slot >= kSlots) continue;
    Slot& slot = slots_[lease.slot];
    if (slot.held && slot.lease != lease && !went_on(slot, lease)) {
      lost.push_back(lease);
      lose(slot);
    }
    slot.lease = lease;
  }
  return lost;
}

void LeaseKeeper::lose(Slot& slot) noexcept {
  slot.held = false;
  slot.kept = false;
  slot.leaving = false;
  slot.certain_until = Time(0);
}

LeaseKeeper::Plan LeaseKeeper::plan(Time read_begun) {
  const std::lock_guard lock(mutex_);
  Plan plan;
  for (Slot& slot : slots_) {
    const Lease& lease = slot.lease;
    if (slot.kept) continue;
    const bool mine = lease.server == options_.id;
    if (preferred(lease.slot, read_begun) != options_.id) {
      if (!mine) continue;
      if (slot.held && !slot.leaving) {
        slot.leaving = true;
        continue;
      }
      if (slot.held && writes_[lease.slot] > 0) continue;
      lose(slot);  // before anybody can take it
      plan.release.push_back(lease);
      continue;
    }
    slot.leaving = false;
    if (!slot.held) {
      // One that has this server's name but was not taken, as far as it knows, is taken once more:
      // a release may be under way.
      if (lease.server.empty() || mine || dead(lease.server, read_begun))
        plan.take.push_back(lease);
    }
  }
  for (const auto& [id, heard] : heard_) {
    if (!heard.beat || read_begun - heard.at < nanoseconds(options_.ttl) * kLivesToForget) continue;
    const bool holds = std::any_of(slots_.begin(), slots_.end(), [&server = id](const Slot& slot) {
      return slot.lease.server == server;
    });
    if (!holds && id != options_.id) plan.forget.push_back({id, heard.url, *heard.beat});
  }
  return plan;
}

Status LeaseKeeper::carry_out(const Context& context, const Plan& plan) {
  if (!plan.release.empty()) {
    VIRIDIAN_TRY_VOID(store_->release(context, plan.release));
    {
      const std::lock_guard lock(mutex_);
      for (const Lease& lease : plan.release) slots_[lease.slot].lease.server.clear();
    }
    obs::log(obs::Level::info, "lease", "slots are handed over", {{"slots", plan.release.size()}});
  }
  if (!plan.take.empty()) {
    VIRIDIAN_TRY_VOID(take_leases(context, plan.take));
  }
  for (const LeaseStore::Server& server : plan.forget)
    VIRIDIAN_TRY_VOID(store_->forget(context, server));
  return ok_status();
}

Status LeaseKeeper::take_leases(const Context& context, const std::vector<Lease>& seen) {
  VIRIDIAN_TRY(const std::vector<uint32_t> taken, store_->take(context, options_.id, seen));
  const Time ended = now();
  const auto of_another = [](const Lease& lease) { return !lease.server.empty(); };
  // Whether the servers that had them have shown since that they live; see the class.
  std::map<std::string, std::optional<uint64_t>> beats;
  bool known = false;
  if (std::any_of(seen.begin(), seen.end(), of_another)) {
    const auto state = store_->read(context);
    known = state.ok();
    if (known)
      for (const LeaseStore::Server& server : state->servers) beats[server.id] = server.beat;
  }
  size_t from_others = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const Lease& lease : seen) {
      if (std::find(taken.begin(), taken.end(), lease.slot) == taken.end()) continue;
      const auto heard = heard_.find(lease.server);
      const bool silent = known && lease.server != options_.id && heard != heard_.end() &&
                          dead(lease.server, ended) && beats[lease.server] == heard->second.beat;
      const bool at_once = !of_another(lease) || silent;
      slots_[lease.slot] = {.lease = {lease.slot, lease.epoch + 1, options_.id},
                            .held = true,
                            .kept = false,
                            .usable_from = at_once ? Time(0) : ended + options_.ttl,
                            .certain_until = *beat_begun_ + certainty(options_.ttl)};
      from_others += of_another(lease) ? 1 : 0;
    }
  }
  if (from_others > 0)
    obs::log(obs::Level::warn, "lease", "slots were taken over", {{"slots", from_others}});
  return ok_status();
}

bool LeaseKeeper::lives(const Heard& heard, Time now) const noexcept {
  return heard.beat && heard.proven && now - heard.at < options_.ttl;
}

bool LeaseKeeper::dead(const std::string& server, Time now) const noexcept {
  const auto found = heard_.find(server);
  return found != heard_.end() && now - found->second.at >= options_.ttl;
}

std::string LeaseKeeper::preferred(uint32_t slot, Time now) const {
  const auto weight = [slot](const std::string& server) {
    return std::pair(hash64(fmt::format("{}/{}", slot, server)), server);
  };
  auto best = weight(options_.id);
  for (const auto& [id, heard] : heard_)
    if (id != options_.id && lives(heard, now)) best = std::max(best, weight(id));
  return best.second;
}

// ---- Answers

Result<Leases::Holder> LeaseKeeper::holder(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const Slot& slot = slots_[slot_of(collection)];
  if (usable(slot)) return Holder{options_.id, options_.url, true};
  const auto heard = heard_.find(slot.lease.server);
  const bool another = slot.lease.server != options_.id && heard != heard_.end();
  if (another && heard->second.beat && !dead(slot.lease.server, now()))
    return Holder{slot.lease.server, heard->second.url, false};
  return Error(Code::unavailable,
               fmt::format("collection [{}] belongs to no server at the moment; one is about to "
                           "take it: try again",
                           collection.to_string()));
}

Result<uint64_t> LeaseKeeper::epoch(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(mutex_);
  const Slot& slot = slots_[slot_of(collection)];
  if (usable(slot)) return slot.lease.epoch;
  const std::string& server = slot.lease.server;
  return Error(
      Code::aborted,
      fmt::format(
          "collection [{}] is not this server's to write: it is {}", collection.to_string(),
          server.empty() || server == options_.id ? "about to change hands" : "that of " + server));
}

void LeaseKeeper::begin_write(const CollectionId& collection) noexcept {
  const std::lock_guard lock(mutex_);
  ++writes_[slot_of(collection)];
}

void LeaseKeeper::end_write(const CollectionId& collection) noexcept {
  const std::lock_guard lock(mutex_);
  --writes_[slot_of(collection)];
}

Status LeaseKeeper::confirm(const Context& context, const CollectionId& collection,
                            uint64_t epoch) {
  VIRIDIAN_TRY_VOID(context.check());
  const Lease wanted{slot_of(collection), epoch, options_.id};
  const auto held = [&] {
    // Also one that is about to be given up: it is not yet.
    const std::lock_guard lock(mutex_);
    const Slot& slot = slots_[wanted.slot];
    return slot.held && now() >= slot.usable_from && slot.lease.epoch == epoch;
  };
  auto lease = held() ? store_->read_lease(context, wanted.slot) : Result<Lease>(Lease());
  if (!lease.ok()) {
    if (lease.error().code() == Code::deadline_exceeded) return lease.error();
    return Error(Code::unavailable, lease.error().message());
  }
  if (*lease == wanted) return ok_status();
  const std::lock_guard lock(mutex_);
  Slot& slot = slots_[wanted.slot];
  if (slot.held && slot.lease == wanted && !went_on(slot, *lease)) lose(slot);
  return Error(Code::aborted, fmt::format("collection [{}] is not this server's under epoch {} any "
                                          "more",
                                          collection.to_string(), epoch));
}

Result<uint64_t> LeaseKeeper::newest_epoch(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY_VOID(context.check());
  const auto lease = store_->read_lease(context, slot_of(collection));
  if (!lease.ok()) return Error(Code::unavailable, lease.error().message());
  return lease->epoch;
}

bool LeaseKeeper::certain(const CollectionId& collection, uint64_t epoch) const noexcept {
  const std::lock_guard lock(mutex_);
  const Slot& slot = slots_[slot_of(collection)];
  return usable(slot) && slot.lease.epoch == epoch && now() < slot.certain_until;
}

std::vector<ServerInfo> LeaseKeeper::servers() const {
  const std::lock_guard lock(mutex_);
  const Time at = now();
  std::map<std::string, ServerInfo> known;
  const auto silence = beaten_ ? at - *beaten_ : Time(0);
  known[options_.id] = {options_.id, options_.url, true, 0,
                        std::chrono::duration_cast<milliseconds>(silence)};
  for (const auto& [id, heard] : heard_) {
    if (id == options_.id || !lives(heard, at)) continue;
    known[id] = {id, heard.url, false, 0, std::chrono::duration_cast<milliseconds>(at - heard.at)};
  }
  for (const Slot& slot : slots_) {
    const auto found = known.find(slot.lease.server);
    if (found != known.end()) ++found->second.slots;
  }
  std::vector<ServerInfo> listed;
  for (auto& [id, info] : known) listed.push_back(std::move(info));
  return listed;
}

/// The lease after this process tried to take it once more.
Result<LeaseStore::Lease> LeaseKeeper::take_again(const Context& context, const Lease& own) {
  const milliseconds limit = options_.ttl / kRenewalsPerLife;
  const auto taken = store_->take(limited(context, limit), options_.id, std::span(&own, 1));
  if (taken.ok() && !taken->empty()) return Lease{own.slot, own.epoch + 1, own.server};
  const auto found = store_->read_lease(limited(context, limit / 2), own.slot);
  if (found.ok() && *found != own) return found;
  return Error(Code::unavailable,
               fmt::format("whether slot {} goes on under a new epoch is not known: {}", own.slot,
                           !taken.ok() ? taken.error().message() : "the store does not say"));
}

// Nobody else has the slot in between, so what holds of it under the old epoch, such as how long it
// is certain, holds under the new one. If the answer is lost, the next round finds out.
Status LeaseKeeper::renew(const Context& context, const CollectionId& collection, uint64_t epoch) {
  const std::lock_guard round(round_mutex_);
  if (stopped_) return Error(Code::unavailable, "the leases are stopped");
  const Lease seen{slot_of(collection), epoch, options_.id};
  const Error over(Code::aborted, fmt::format("collection [{}] is not this server's under epoch {}",
                                              collection.to_string(), epoch));
  {
    const std::lock_guard lock(mutex_);
    const Slot& slot = slots_[seen.slot];
    if (!slot.held || slot.lease != seen) return over;
  }
  VIRIDIAN_TRY(const Lease became, take_again(context, seen));
  const std::lock_guard lock(mutex_);
  Slot& slot = slots_[seen.slot];
  if (!went_on(slot, became)) {
    lose(slot);
    return over;
  }
  slot.lease = became;
  obs::log(obs::Level::warn, "lease", "a slot goes on under a new epoch",
           {{"slot", seen.slot}, {"epoch", slot.lease.epoch}});
  return ok_status();
}

Status LeaseKeeper::seize(const Context& context, uint32_t slot) {
  if (slot >= kSlots)
    return Error(
        Code::invalid_argument,
        fmt::format("there is no slot {}: they are numbered from 0 to {}", slot, kSlots - 1));
  const std::lock_guard round(round_mutex_);
  if (stopped_) return Error(Code::unavailable, "the leases are stopped");
  VIRIDIAN_TRY_VOID(do_round(context));
  {
    const std::lock_guard lock(mutex_);
    if (slots_[slot].held) {
      slots_[slot].kept = true;
      slots_[slot].leaving = false;  // the round may just have begun to hand it over
      return ok_status();
    }
  }
  VIRIDIAN_TRY(const Lease seen, store_->read_lease(context, slot));
  VIRIDIAN_TRY_VOID(take_leases(context, {seen}));
  const std::lock_guard lock(mutex_);
  if (!slots_[slot].held)
    return Error(Code::aborted, fmt::format("slot {} changed hands meanwhile: try again", slot));
  slots_[slot].kept = true;
  return ok_status();
}

Status LeaseKeeper::take(const Context& context, uint32_t slot) {
  VIRIDIAN_TRY_VOID(seize(context, slot));
  while (true) {
    VIRIDIAN_TRY_VOID(context.check());
    std::unique_lock lock(mutex_);
    if (usable(slots_[slot])) return ok_status();
    if (!slots_[slot].held)
      return Error(Code::aborted, fmt::format("another server took slot {} meanwhile", slot));
    wake_.wait_for(lock, std::min(interval(), milliseconds(50)));
  }
}

}  // namespace viridian
