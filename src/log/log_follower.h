#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/log_file.h"
#include "os/files.h"
#include "viridian/base/context.h"
#include "viridian/spi/log.h"

namespace viridian::local {

/// The log of one collection as another process writes it. Thread-safe; writes nothing.
class FollowedTopic {
 public:
  FollowedTopic(os::Files& files, const CollectionId& collection, std::string directory);

  Result<std::vector<LogBatch>> read(const Context&, SeqId after, size_t limit_bytes);
  Result<SeqId> last();
  void forget_reader();

 private:
  using Clock = std::chrono::steady_clock;

  /// The last file, as far as it was followed.
  struct Tail {
    log::Scan scan;            ///< up to what is proven to be durable
    uint64_t shown_end = 0;    ///< what may be read, proven or not
    SeqId shown_seq = 0;       ///< the last record there
    uint64_t waiting_end = 0;  ///< of whole frames that nothing proves yet
    Clock::time_point waiting_since;
  };
  /// Records that were shown though nothing proves them yet, by the last of their frames.
  struct Unproven {
    SeqId after = 0;  ///< the last record that was proven
    SeqId last = 0;
    SeqId file_seq = 0;
    uint64_t offset = 0;
    uint64_t end = 0;
    log::FrameHeader header{};
  };

  Status refresh();
  Status refresh_tail(SeqId first_seq);
  Status show(os::File& file, const log::Scan& seen, Tail& tail);
  Status show_unproven(os::File& file, const log::Scan& seen);
  Status check_unproven();
  Result<std::optional<log::ReadRange>> plan_read(SeqId after, SeqId from);

  os::Files& files_;
  const CollectionId collection_;
  const std::string directory_;

  std::mutex mutex_;
  std::vector<SeqId> names_;  // the files' first numbers, ascending
  std::optional<Tail> tail_;  // of the last of them
  std::optional<Unproven> unproven_;
  std::optional<SeqId> taken_back_after_;  // who read records after this one must begin anew
};

/// Reads the logs in a directory that another process writes, as they grow.
///
/// A record is there as soon as its writer may acknowledge it. Records that are written but not
/// known to be durable are shown after the follower has synced the file itself: when a file is
/// first looked at, and when for a while nothing was written behind them. They could only vanish
/// again where the writer's own sync fails afterwards; then reads after them are out_of_range,
/// until forget_reader() says that their reader begins anew. So they are where the file with them
/// was trimmed before a proof was seen, as nothing else tells whether they vanished. Nothing is
/// written. Thread-safe.
class LogFollower {
 public:
  LogFollower(os::Files& files, std::string directory);

  /// As Consumer. A collection without files has an empty log: its writer dropped it or has not
  /// begun it.
  Result<std::vector<LogBatch>> read(const Context&, const CollectionId&, SeqId after,
                                     size_t limit_bytes);
  Result<SeqId> last(const Context&, const CollectionId&);
  Status wait(const Context&, const CollectionId&, SeqId after);
  void forget_reader(const CollectionId&);

 private:
  /// Null where there is no directory.
  Result<std::shared_ptr<FollowedTopic>> topic(const CollectionId&);

  os::Files& files_;
  const std::string directory_;
  std::mutex mutex_;
  std::unordered_map<CollectionId, std::shared_ptr<FollowedTopic>> topics_;
};

}  // namespace viridian::local
