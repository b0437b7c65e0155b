#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

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
class Log final : public Component, public Producer, public Consumer {
 public:
  struct Options {
    uint64_t segment_bytes =
        64 << 20;                   ///< a file is left for a new one before it grows beyond this
    size_t cache_bytes = 64 << 20;  ///< recently appended batches kept in memory, over all
    size_t open_files = 256;        ///< files kept open for writing, over all collections
  };

  /// Requires os::Files and local::DataDirectory.
  static Result<std::unique_ptr<Log>> create(System& system);
  /// For use without a System: `directory` is made and is then this log's alone.
  static Result<std::unique_ptr<Log>> open(os::Files& files, std::string directory,
                                           const Options& options);

  Log(os::Files& files, std::string directory, const Options& options);
  ~Log() override;

  Status start(const Context&) override;
  void stop() noexcept override;

  Result<SeqId> append(const Context&, const CollectionId&, SharedBatch batch) override;
  Status drop(const Context&, const CollectionId&) override;

  Result<std::vector<LogBatch>> read(const Context&, const CollectionId&, SeqId after,
                                     size_t limit_bytes) override;
  Result<SeqId> last(const Context&, const CollectionId&) override;
  Status wait(const Context&, const CollectionId&, SeqId after) override;
  Status trim(const Context&, const CollectionId&, SeqId up_to) override;
  bool durable() const noexcept override { return true; }

 private:
  struct Entry {
    std::shared_ptr<Topic> topic;
    std::list<CollectionId>::iterator written;  // its place in written_, or the end
  };

  std::shared_ptr<Topic> topic(const CollectionId&);
  /// Null where nothing was ever appended: asking must not leave an entry that nobody removes.
  Result<std::shared_ptr<Topic>> existing_topic(const CollectionId&);
  /// Notes that the collection's file was just written; closes that of the longest idle one.
  void written(const CollectionId&);

  os::Files& files_;
  const std::string directory_;
  const Options options_;
  log::TailCache cache_;
  std::mutex mutex_;
  std::unordered_map<CollectionId, Entry> topics_;
  std::list<CollectionId> written_;  // those with an open file, the last one written first
};

}  // namespace viridian::local
