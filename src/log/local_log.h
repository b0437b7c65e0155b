#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "log/log_follower.h"
#include "log/tail_cache.h"
#include "log/topic.h"
#include "os/files.h"
#include "viridian/spi/component.h"
#include "viridian/spi/log.h"

namespace viridian::local {

/// The log in files: `<data directory>/log/<collection>/<first number>.log` (docs/file-formats.md).
///
/// An acknowledged batch has been synced. A batch whose append failed, or whose acknowledgement was
/// never given because the process died, is there whole or not at all after the next start.
/// Appends to one collection that arrive while another is being written share its successor's sync.
///
/// With the setting read_only it follows the log that another process writes: see LogFollower.
class Log final : public Component, public Producer, public Consumer {
 public:
  struct Options {
    uint64_t segment_bytes =
        64 << 20;                   ///< a file is left for a new one before it grows beyond this
    size_t cache_bytes = 32 << 20;  ///< recently appended batches kept in memory, over all
    size_t open_files = 256;        ///< files kept open for writing, over all collections
    size_t topics = 4096;           ///< collections remembered; idle ones beyond are opened anew
  };

  /// Requires os::Files and local::DataDirectory.
  static Result<std::unique_ptr<Log>> create(System& system);
  /// For use without a System: `directory` is made and is then this log's alone.
  static Result<std::unique_ptr<Log>> open(os::Files& files, std::string directory,
                                           const Options& options);

  /// As open(), but to read what another process writes there.
  static std::unique_ptr<Log> follow(os::Files& files, std::string directory);

  Log(os::Files& files, std::string directory, const Options& options);
  /// Follows.
  Log(os::Files& files, std::string directory);
  ~Log() override;

  Status start(const Context&) override;
  void stop() noexcept override;

  Result<SeqId> append(const Context&, const CollectionId&, SharedBatch batch) override;
  Status start_after(const Context&, const CollectionId&, SeqId after) override;
  Status drop(const Context&, const CollectionId&) override;
  Status retain(const Context&, const std::vector<CollectionId>& known) override;

  Result<std::vector<LogBatch>> read(const Context&, const CollectionId&, SeqId after,
                                     size_t limit_bytes) override;
  Result<SeqId> last(const Context&, const CollectionId&) override;
  Status wait(const Context&, const CollectionId&, SeqId after) override;
  Status trim(const Context&, const CollectionId&, SeqId up_to) override;
  bool durable() const noexcept override { return true; }
  void forget_reader(const CollectionId& collection) override {
    if (follower_) follower_->forget_reader(collection);
  }

  /// Collections of which something is kept in memory.
  size_t topics();

 private:
  struct Entry {
    std::shared_ptr<Topic> topic;
    std::list<CollectionId>::iterator used;     // its place in used_
    std::list<CollectionId>::iterator written;  // its place in written_, or the end
  };
  using Entries = std::unordered_map<CollectionId, Entry>;

  std::shared_ptr<Topic> make_topic(const CollectionId&);
  /// Null where it is not in memory; else it counts as used now. mutex_ is held.
  Result<std::shared_ptr<Topic>> remembered_topic(const CollectionId&);
  Result<std::shared_ptr<Topic>> topic(const CollectionId&);
  /// Null where nothing was ever appended: asking must not leave an entry that nobody removes.
  Result<std::shared_ptr<Topic>> existing_topic(const CollectionId&);
  /// Notes that the collection's file was just written; closes that of the longest idle one.
  void written(const CollectionId&);
  /// Lets go of topics that were not used for longest, where there are too many.
  void forget_some();
  void forget(Entries::iterator entry);
  Status check_not_dropped(const CollectionId&) const;

  os::Files& files_;
  const std::string directory_;
  const Options options_;
  log::TailCache cache_;
  const std::unique_ptr<LogFollower> follower_;  // null: this process writes the log
  std::mutex mutex_;
  Entries topics_;
  std::list<CollectionId> used_;     // all topics, the one used last first
  std::list<CollectionId> written_;  // those with an open file, the last one written first
  std::unordered_set<CollectionId> half_dropped_;  // files may be left, which are nobody's any more
};

}  // namespace viridian::local
