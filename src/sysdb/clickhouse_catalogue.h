#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>

#include "clickhouse/client.h"
#include "clickhouse/named_values.h"
#include "sysdb/catalogue_state.h"
#include "sysdb/clickhouse_versions.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// The catalogue that all servers of a ClickHouse share, as a sequence of versions, and a copy of
/// it in memory. A change is decided upon a version, stored, and takes effect by a compare-and-swap
/// of the newest version's name; who loses decides again. Thread-safe.
///
/// Lock order: change_mutex_, follow_mutex_, state_mutex_.
class Catalogue {
 public:
  using State = sysdb::CatalogueState;
  using Change = sysdb::CatalogueChange;

  /// `snapshot_every`: a snapshot is stored after so many versions, and older changes are removed.
  Catalogue(Client& client, uint64_t snapshot_every);

  /// Makes what is missing, and reads everything.
  Status open(const Context&);

  /// Afterwards the copy has all that took effect before the call.
  Status follow(const Context&);
  /// Since when the copy has had all that took effect until then.
  std::chrono::steady_clock::time_point as_of() const noexcept { return as_of_.load(); }
  /// What `look` makes of the copy.
  template <class Look>
  auto read(const Look& look) const {
    const std::shared_lock lock(state_mutex_);
    return look(std::as_const(state_));
  }
  /// Whether every change of this process that may have taken effect is in the copy.
  bool settled() const noexcept { return pending_ == 0 && !in_doubt_; }
  /// Whether one may yet take effect of which that was never known; until the next change.
  bool in_doubt() const noexcept { return in_doubt_; }

  /// What a change comes to. Asked several times where others change the catalogue meanwhile.
  using Decide = std::function<Result<Change>(const State&)>;
  /// Asked after the version was read that the change builds upon, and before it takes effect.
  using Permit = std::function<Status(const Context&)>;
  /// Also an empty change makes a version: no change that another server decided upon an older one
  /// can take effect afterwards.
  ///   unavailable, deadline_exceeded  it may have taken effect
  Result<Change> change(const Context&, const Decide& decide, const Permit& permit = {});

 private:
  using Version = VersionLog::Version;

  Result<Version> head(const Context&);
  Status advance(const Context&, const Version& to);
  Status load_snapshot(const Context&, const Version& to);
  Version version() const;
  void apply(const Version& to, const Change& change);
  Result<bool> try_change(const Context&, const Version& from, const Change& change);
  Result<bool> took_effect(const Context&, const Version& wanted, const Version& now);
  void store_snapshot();

  NamedValues heads_;
  VersionLog log_;
  const uint64_t snapshot_every_;

  std::mutex change_mutex_;  // one change at a time: those of one process would hinder each other
  std::mutex follow_mutex_;  // one reader of the log at a time
  mutable std::shared_mutex state_mutex_;
  State state_;                             // guarded by state_mutex_, as all below
  Version version_;                         // of state_
  std::map<uint64_t, std::string> recent_;  // the last versions that were read one by one
  std::atomic<std::chrono::steady_clock::time_point> as_of_{};
  std::atomic<int> pending_{0};
  std::atomic<bool> in_doubt_{false};  // written under change_mutex_
};

}  // namespace viridian::clickhouse
