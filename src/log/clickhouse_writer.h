#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "clickhouse/client.h"
#include "log/clickhouse_rows.h"
#include "log/clickhouse_topics.h"
#include "log/history.h"
#include "obs/metrics.h"
#include "viridian/spi/leases.h"
#include "viridian/spi/log.h"

namespace viridian::clickhouse {

/// What happened to appends, for metrics.
struct WriterMetrics {
  explicit WriterMetrics(obs::Metrics& metrics);
  obs::Counter& batches;
  obs::Counter& records;
  obs::Counter& inserts;
  obs::Counter& retries;
  obs::Counter& unknown;
  obs::Counter& fenced;
  obs::Counter& stale_replicas;
};

/// Appends to the collections of one shard. Everything that is asked for while an insert is under
/// way goes into the next one: numbers, rows, a look whether enough replicas have them, the commit,
/// and only then the answers. One insert at a time, so that no number is stored before a smaller
/// one. Thread-safe.
class Writer {
 public:
  struct Parts {
    Client& client;
    Topics& topics;
    History& history;
    viridian::Leases& leases;
    WriterMetrics& metrics;
  };
  struct Options {
    uint64_t group_bytes = 16 << 20;
    uint32_t copies = 1;
    size_t block_rows = Client::kBlockRows;
    size_t block_bytes = kMostRowBytes;
  };

  Writer(const Parts& parts, uint32_t shard, const Options& options);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// As Producer::append() and append_if(); waits until the outcome is known or the context ends.
  /// Once the batch is on its way, the end of the context is `unavailable`: it may be stored or
  /// not.
  Result<SeqId> append(const Context&, const CollectionId&, SharedBatch batch,
                       std::optional<SeqId> only_after);
  /// Begins this process's epoch of the collection, as its first append would. The number that it
  /// goes on from, or the last that was committed.
  Result<SeqId> begin(const Context& context, const CollectionId& collection) {
    return append(context, collection, nullptr, std::nullopt);
  }
  /// Nothing of the collection is kept any more.
  void forget(const CollectionId& collection);
  /// Answers whoever waits. Idempotent.
  void stop() noexcept;

 private:
  struct Append;
  class WritesUnderWay;
  using SharedAppend = std::shared_ptr<Append>;
  /// Numbered batches of one collection. Those that could not be stored and committed for sure are
  /// kept and tried again, under the same numbers, before anything else of the collection.
  struct Part {
    CollectionId collection;
    uint64_t epoch = 0;
    SeqId from = 0;  ///< the number before the first
    SeqId to = 0;
    std::vector<std::pair<SeqId, SharedBatch>> batches;
    std::vector<SharedAppend> appends;  ///< that wait for it
    bool tried = false;  ///< some of it may be stored: these numbers cannot be given to others
  };
  /// How far an insert got. Partly: some blocks are stored, and the server refused another.
  enum class Stored : uint8_t { yes, no, partly, unknown };
  struct Outcome {
    Stored stored = Stored::yes;
    Error error{Code::internal, "stored"};
  };

  void run();
  /// Empty when it is time to try again what is doubtful, or to stop.
  std::vector<SharedAppend> next_group();
  void store(const std::vector<SharedAppend>& group);
  std::vector<Part> number(const Context&, const std::vector<SharedAppend>& group);
  Result<Topics::Writing> prepare(const Context&, const CollectionId& collection);
  void retry_doubtful();
  void store_parts(const Context&, std::vector<Part> parts);
  void refused(const Context&, std::vector<Part> parts, const Outcome& outcome);
  Outcome insert(const Context&, std::span<const Part> parts);
  Outcome insert_block(const Context&, const Block& block);
  /// How many of the parts' rows the server shows.
  Result<uint64_t> count_rows(const Context&, Node node, std::span<const Part> parts);
  /// Whether any server shows all of them.
  bool is_stored(const Context&, const Part& part);
  Status read_back(const Context&, std::span<const Part> parts);
  Status wait_for_copy(const Context&, Node node, std::span<const Part> parts);
  void commit(const Context&, std::vector<Part> parts);
  std::vector<Status> commit_batches(const Context&, std::span<const Part> parts);
  bool holds(const Context&, const Part& part);
  void done(const Part& part);
  void over(const Part& part, std::span<const Status> outcomes);
  void fail(const Part& part, const Error& error);
  void doubt(const Part& part, const Error& error);
  void put_back(const Part& part, const Error& error);
  void let_go(const Context&, const CollectionId& collection);
  void answer(Append& append, Result<SeqId> result);
  Context limited(std::chrono::milliseconds limit);
  Error not_holder(const Context&, const CollectionId& collection, const Error& error);

  const Parts parts_;
  const uint32_t shard_;
  const Options options_;

  std::mutex mutex_;
  std::condition_variable work_;      ///< for the thread
  std::condition_variable answered_;  ///< for those who wait
  std::deque<SharedAppend> queue_;
  std::vector<CollectionId> forgotten_;
  std::optional<Context> current_;  ///< of what is under way, so that stop() ends it
  std::atomic<bool> stopping_ = false;
  // The thread's own:
  std::map<CollectionId, Part> doubtful_;
  std::chrono::milliseconds back_off_{0};

  std::thread thread_;
};

}  // namespace viridian::clickhouse
