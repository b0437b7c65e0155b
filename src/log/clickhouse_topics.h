#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "log/history.h"
#include "viridian/base/context.h"
#include "viridian/spi/log.h"

namespace viridian::clickhouse {

/// What this process knows of the logs of collections. Thread-safe.
class Topics {
 public:
  using Clock = Context::Clock;

  /// Under which epoch this process appends to a collection, and the last number it committed.
  struct Writing {
    uint64_t epoch = 0;
    SeqId committed = 0;
  };

  /// This process has begun an epoch, whose history so far is `extent`.
  void begun(const CollectionId& collection, uint64_t epoch, const Extent& extent);
  /// It has committed records up to `last` under that epoch.
  void committed(const CollectionId& collection, uint64_t epoch, SeqId last);
  /// The epoch, if it is still the one, is over.
  void fenced(const CollectionId& collection, uint64_t epoch);
  std::optional<Writing> writing(const CollectionId& collection) const;

  /// The history as it was asked for at `asked`: returns what is known now. Of records of this
  /// process's own epoch only those that it committed are known, whatever is stored.
  Extent learn(const CollectionId& collection, Extent extent, Clock::time_point asked);
  /// The same for the last number only. False: it is of another epoch than is known, whose history
  /// is to be asked for.
  bool learn_last(const CollectionId& collection, const History::Last& last,
                  Clock::time_point asked);
  /// What was learnt last, if anything was.
  std::optional<Extent> known(const CollectionId& collection) const;
  /// The last number as of some moment not before `since`.
  std::optional<SeqId> last_since(const CollectionId& collection, Clock::time_point since) const;
  /// The last number as it was learnt last; 0: none.
  SeqId last_known(const CollectionId& collection) const;
  /// The history begins after `base` from now on.
  void trimmed(const CollectionId& collection, SeqId base);

  /// Records up to `last` of an epoch, whose records begin with `first`, are given to a reader.
  void given(const CollectionId& collection, uint64_t epoch, SeqId first, SeqId last);
  /// A reader wants what comes after `after`. out_of_range: it was given records that do not count,
  /// and has to begin anew, after forget_reader(). Until then others may still go by what it has.
  Status check_reader(const CollectionId& collection, SeqId after) const;

  /// Somebody wants answers at most this old. Whether nobody wanted that before.
  bool want_fresh(const CollectionId& collection, std::chrono::milliseconds age);
  /// Collections for which somebody wanted that within the last minute, with the shortest age.
  std::vector<std::pair<CollectionId, std::chrono::milliseconds>> wanted_fresh() const;

  std::optional<uint32_t> shard(const CollectionId& collection) const;
  void set_shard(const CollectionId& collection, uint32_t shard);
  /// Bytes of a record, about.
  size_t record_bytes(const CollectionId& collection) const;
  void set_record_bytes(const CollectionId& collection, size_t bytes);

  void forget(const CollectionId& collection);
  /// Whoever was given records has let go of them, or will not use them. Where this process does
  /// not write the collection, nothing is kept of it.
  void forget_reader(const CollectionId& collection);

  /// Waits until the last number known is greater than `after`, at most as long as `longest`.
  void wait_past(const CollectionId& collection, SeqId after, std::chrono::milliseconds longest);

 private:
  struct Given {
    SeqId first = 0;
    SeqId last = 0;
  };
  struct Topic {
    Writing writing;
    std::optional<Extent> known;
    SeqId last = 0;
    Clock::time_point last_asked = Clock::time_point::min();
    std::map<uint64_t, Given> given;  ///< by epoch
    std::optional<SeqId> void_after;
    std::chrono::milliseconds wanted_age{0};
    std::optional<Clock::time_point> wanted_at;
    std::optional<uint32_t> shard;
    size_t record_bytes = 0;
  };
  const Topic* find(const CollectionId& collection) const;
  static void find_void(Topic& topic);
  void grown(Topic& topic, SeqId last, Clock::time_point asked);

  mutable std::mutex mutex_;
  std::condition_variable news_;
  std::unordered_map<CollectionId, Topic> topics_;
};

}  // namespace viridian::clickhouse
