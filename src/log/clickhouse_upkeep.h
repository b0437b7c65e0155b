#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "clickhouse/client.h"
#include "log/clickhouse_topics.h"
#include "log/history.h"
#include "viridian/spi/leases.h"

namespace viridian::clickhouse {

/// What the log does in the background: forgets dropped collections, drops days that nobody needs,
/// asks for last numbers before readers do. Thread-safe.
class Upkeep {
 public:
  struct Parts {
    Client& client;
    Topics& topics;
    History& history;
    viridian::Leases& leases;
  };
  struct Options {
    /// Between two looks for days to drop.
    std::chrono::milliseconds drop_days_every{600'000};
    /// A day's rows stay at least this long after it: what was sent then has arrived.
    std::chrono::seconds days_stay{86'400};
  };

  Upkeep(const Parts& parts, const Options& options);
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  /// The collections' rows and histories go, soon.
  void drop(const std::vector<CollectionId>& collections);
  /// Whether that has been asked for and is not done.
  bool dropping(const CollectionId& collection) const;
  /// Waits for it.
  Status finish_drop(const Context&, const CollectionId& collection);

  /// Somebody wants answers at most this old about the collection.
  void keep_fresh(const CollectionId& collection, std::chrono::milliseconds age);

  /// Drops the days of which every record was let go of. Part of what happens by itself.
  ///   unavailable  a replica does not answer: others may lack what it has
  Status drop_days(const Context&);

  /// Ends its threads, after the drops that were asked for. Idempotent.
  void stop() noexcept;

 private:
  void run();
  void forget_dropped();
  Status forget(const Context&);
  Status forget(const Context&, const std::vector<CollectionId>& ids);
  /// Asks every server for its time.
  Status ask_times(const Context&);
  /// By day, the last number of each collection that any replica shows.
  using Days = std::map<uint32_t, std::map<CollectionId, SeqId>>;
  Result<Days> old_days(const Context&, uint32_t shard);
  Status drop_days_of(const Context&, uint32_t shard);
  /// Whether nothing of the collection up to `last` is needed, and it is known without those rows.
  Result<bool> may_go(const Context&, const CollectionId& collection, SeqId last);
  Status poll(const Context&);
  std::chrono::milliseconds next_poll() const;
  Context limited(std::optional<Context>& current);

  const Parts parts_;
  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable dropped_;
  std::unordered_set<CollectionId> dropping_;
  bool wake_ = false;
  bool stopping_ = false;
  /// What its threads do just now, so that stop() ends it; guarded by mutex_.
  std::optional<Context> current_, forgetting_;
  std::thread thread_;
  std::thread forgetting_thread_;
};

}  // namespace viridian::clickhouse
