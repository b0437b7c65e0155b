#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "log/frame.h"
#include "log/log_file.h"
#include "log/tail_cache.h"
#include "os/files.h"
#include "viridian/base/context.h"
#include "viridian/spi/log.h"

namespace viridian::local {

/// The local log of one collection: a directory of files, of which the last is written.
///
/// Whoever changes files holds the writer's role, one at a time: opening, the leader of a group of
/// appends, trim, drop. The role is taken and given back under the mutex and held without it, so
/// that no I/O happens under a lock. State that the role's holder changes is changed under the
/// mutex too; the holder may read it without.
///
/// A topic opens its files when first used. The file being written may be closed in between by
/// release_file(). Thread-safe.
class Topic {
 public:
  struct Options {
    uint64_t segment_bytes = 64 << 20;
  };

  Topic(os::Files& files, log::TailCache& cache, const CollectionId& collection,
        std::string directory, const Options& options);

  Result<SeqId> append(const Context&, SharedBatch batch);
  Result<std::vector<LogBatch>> read(const Context&, SeqId after, size_t limit_bytes);
  Result<SeqId> last(const Context&);
  Status start_after(const Context&, SeqId after);
  Status wait(const Context&, SeqId after);
  Status trim(const Context&, SeqId up_to);
  /// The topic is of no use afterwards. Where it fails, files may be left.
  Status drop(const Context&);
  /// Closes the file being written, unless it is in use.
  void release_file();
  /// Whether another topic of the same files would do as well as this one, which nobody uses.
  bool replaceable();
  /// Whether it ever had a file.
  bool began();
  bool dropped();

 private:
  struct Pending;  // an append that waits for its group
  using Lock = std::unique_lock<std::mutex>;

  // topic_open.cpp
  Status ensure_open(const Context&);
  Status open_files();
  Result<log::Scan> open_last_file(SeqId first_seq);

  // The writer's role
  Status take_role(const Context&, Lock&);
  void give_role_back();
  Status check_usable() const;

  // topic_write.cpp
  Result<SeqId> enqueue(const Context&, Pending&);
  void lead_group(Lock&);
  std::vector<Pending*> take_group();
  Status write_group(const std::vector<Pending*>& group);
  Status write_or_refuse(const std::vector<Pending*>& group) noexcept;
  Status prepare_file(uint64_t group_bytes);
  Status start_file(SeqId first_seq);
  Status start_log(SeqId after);
  Status sync_directories();
  void write_mark(uint64_t end, SeqId last);
  void give_reserve_back();
  Status write_frames(const std::vector<Pending*>& group, uint64_t group_bytes);
  Error refuse_with(const Error& refusal);
  Error refuse_writes(const std::string& what, const Error& cause);
  void publish(const std::vector<Pending*>& group);
  void fail_queue(const Error& error);

  // topic_read.cpp
  struct Plan {
    log::ReadRange range;
    SeqId file_seq = 0;
  };
  Result<std::optional<Plan>> plan_read(SeqId after, SeqId from);
  Status read_file(const Context&, const Plan&, SeqId after, size_t limit_bytes, log::Collected&);
  Status remove_files(SeqId up_to);

  std::string path_of(SeqId first_seq) const;

  os::Files& files_;
  log::TailCache& cache_;
  const CollectionId collection_;
  const std::string directory_;
  const Options options_;

  std::mutex mutex_;
  std::condition_variable role_free_;
  std::condition_variable grown_;
  std::vector<Pending*> queue_;  // oldest first
  uint32_t role_waiting_ = 0;    // those who wait for the role other than to append
  bool role_taken_ = false;
  bool open_ = false;
  bool dropped_ = false;
  std::optional<Error> refusal_;         // why nothing is written any more
  std::optional<Error> untrusted_;       // why the files are not opened any more
  std::vector<log::LogFile> log_files_;  // oldest first
  SeqId last_ = 0;
  uint64_t end_ = 0;  // of the last file: what is durable

  // The role's alone.
  std::unique_ptr<os::File> active_;  // the last file, where it is open
  std::optional<uint64_t> salt_;      // of the last file
  uint64_t reserved_ = 0;             // of the last file
  bool starting_file_ = false;        // a new file was begun, and is to be finished
  bool directories_synced_ = false;   // since this program started
  bool writing_ = false;              // bytes may be in the file that are not durable
  bool marked_ = false;               // a mark follows the group just written
};

}  // namespace viridian::local
