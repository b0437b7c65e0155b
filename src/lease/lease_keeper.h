#pragma once
#include <array>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lease/lease_store.h"
#include "viridian/base/settings.h"
#include "viridian/spi/component.h"
#include "viridian/spi/leases.h"

namespace viridian {

/// Leases over a store: heartbeats, who is alive, who is to have what, taking and giving up. An
/// implementation is one of these with a store of its own.
///
/// Why certain() may be trusted. A holder is certain for two thirds of the time to live from when
/// it *began* a beat, and only of slots that it still had in the store *after* that beat. Who takes
/// a slot has seen no new beat for the whole time to live; and it reads the beats once more after
/// it took: either there is none, then a later one will find the slot taken; or there is one, then
/// the slot is not used until that one's certainty is over, whenever it was begun.
///
/// A slot that another server is to have is not used any more from one round on, and given up in
/// the next, or in the first one after that in which no write to it is under way: what was begun
/// under it can be confirmed meanwhile.
///
/// Lock order: round_mutex_, then mutex_.
class LeaseKeeper : public Component, public Leases {
 public:
  /// Time since some moment, of a clock that runs on while the machine sleeps.
  using Time = std::chrono::nanoseconds;

  struct Options {
    std::string id;   ///< of this process; see unique_server_id()
    std::string url;  ///< where other servers reach it
    std::chrono::milliseconds ttl{10'000};
    std::function<Time()> now = boot_time;
    /// Whether start() runs a thread that does the rounds; otherwise whoever made this does.
    bool rounds_by_itself = true;
  };
  /// From the settings node.*, server.* and lease.*.
  static Options options_of(const Settings& settings);
  static Time boot_time();
  /// A server's id of which no second process has ever had the same; it begins with `name`.
  static std::string unique_server_id(std::string_view name);

  LeaseKeeper(std::unique_ptr<LeaseStore> store, Options options);
  ~LeaseKeeper() override;

  /// Opens the store, takes what is free, and does rounds from then on.
  Status start(const Context&) override;
  /// Gives everything up, so that others need not wait for the time to live.
  void stop() noexcept override;

  /// Beats if that is due, looks, takes and gives up. Called by the thread, or by tests.
  Status round(const Context&);
  /// Between rounds.
  std::chrono::milliseconds interval() const noexcept;
  const std::string& id() const noexcept { return options_.id; }

  Result<Holder> holder(const Context&, const CollectionId&) override;
  Result<uint64_t> epoch(const Context&, const CollectionId&) override;
  Status confirm(const Context&, const CollectionId&, uint64_t epoch) override;
  Result<uint64_t> newest_epoch(const Context&, const CollectionId&) override;
  void begin_write(const CollectionId&) noexcept override;
  void end_write(const CollectionId&) noexcept override;
  bool certain(const CollectionId&, uint64_t epoch) const noexcept override;
  std::vector<ServerInfo> servers() const override;
  Status renew(const Context&, const CollectionId&, uint64_t epoch) override;
  /// The slot stays here, whoever else is to have it, until this process stops or another one takes
  /// it so. Returns once it can be used: not before whoever had it must have noticed.
  Status take(const Context&, uint32_t slot) override;
  /// take() without the waiting.
  Status seize(const Context&, uint32_t slot);

 private:
  using Lease = LeaseStore::Lease;
  struct Slot {
    Lease lease;           ///< as it was last seen
    bool held = false;     ///< by this process, which has to have taken it under that epoch
    bool kept = false;     ///< seized: not handed over
    bool leaving = false;  ///< to be given up in the next round: begin nothing under it
    Time usable_from{0};   ///< when whoever had it before is certain no more
    Time certain_until{0};
  };
  /// What is known of a server's beats.
  struct Heard {
    std::string url;
    std::optional<uint64_t> beat;  ///< unset: the store does not list it
    Time at{0};                    ///< when that was seen first
    bool proven = false;           ///< it was seen to change: the server lived then
  };
  /// What a read of the store leads to.
  struct Plan {
    std::vector<Lease> release;
    std::vector<Lease> take;
    std::vector<LeaseStore::Server> forget;
  };

  Status beat_if_due(const Context&);
  Status look(const Context&);
  Status do_round(const Context&);
  Plan plan(Time read_begun);
  Status carry_out(const Context&, const Plan& plan);
  Status take_leases(const Context&, const std::vector<Lease>& seen);
  Result<Lease> take_again(const Context&, const Lease& own);
  void note_servers(const LeaseStore::State& state, Time ended);
  /// Those that this process had and has no more, as they are now.
  std::vector<Lease> note_leases(const LeaseStore::State& state);
  void lose(Slot& slot) noexcept;
  /// Whether a lease is what became of a held one by renew(), perhaps without an answer. Nobody
  /// else can have had the slot in between.
  static bool went_on(const Slot& slot, const Lease& lease) noexcept {
    return slot.held && lease.server == slot.lease.server && lease.epoch == slot.lease.epoch + 1;
  }
  bool lives(const Heard& heard, Time now) const noexcept;
  bool dead(const std::string& server, Time now) const noexcept;
  std::string preferred(uint32_t slot, Time now) const;
  bool usable(const Slot& slot) const noexcept {
    return slot.held && !slot.leaving && now() >= slot.usable_from;
  }
  Time now() const noexcept { return options_.now(); }
  void run(const std::stop_token& stopping);

  const std::unique_ptr<LeaseStore> store_;
  const Options options_;

  std::mutex round_mutex_;  // one round, seizure or stop at a time; held during calls of the store
  uint64_t beats_ = 0;      // guarded by round_mutex_, as all up to mutex_
  std::optional<Time> beat_begun_;   // of the last beat that succeeded
  std::optional<Time> unconfirmed_;  // the same, until the leases were read after it
  bool first_look_ = true;
  bool stopped_ = false;

  mutable std::mutex mutex_;               // never held during calls of the store
  std::array<Slot, kSlots> slots_;         // guarded by mutex_
  std::array<uint64_t, kSlots> writes_{};  // under way, by slot; guarded by mutex_
  std::map<std::string, Heard> heard_;     // by server; guarded by mutex_
  std::optional<Time> beaten_;  // when the last beat that succeeded began; guarded by mutex_
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace viridian
