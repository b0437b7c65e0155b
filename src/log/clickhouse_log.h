#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "clickhouse/client.h"
#include "log/clickhouse_reader.h"
#include "log/clickhouse_replicas.h"
#include "log/clickhouse_topics.h"
#include "log/clickhouse_upkeep.h"
#include "log/clickhouse_writer.h"
#include "log/history.h"
#include "log/shared_question.h"
#include "obs/metrics.h"
#include "viridian/spi/component.h"
#include "viridian/spi/health.h"
#include "viridian/spi/leases.h"
#include "viridian/spi/log.h"
#include "viridian/spi/sysdb.h"

namespace viridian::clickhouse {

/// The log in the ClickHouse table record_log (docs/decisions/0020). Any number of processes read a
/// collection's log; the one that holds the collection's lease appends to it.
///
/// A reader that is told out_of_range since what it read does not count stands for all readers of
/// that collection in this process: there should be one. After forget_reader() it begins anew,
/// anywhere.
class Log final : public Component, public Producer, public Consumer, public HealthSource {
 public:
  struct Options {
    Writer::Options writer;
    Upkeep::Options upkeep;
  };
  struct Parts {
    Client& client;
    History& history;
    viridian::Leases& leases;
    obs::Metrics& metrics;
    /// Null: all collections are on the first shard, and known to callers.
    viridian::SysDb* sysdb = nullptr;
  };

  static Result<std::unique_ptr<Log>> create(System& system);
  Log(const Parts& parts, const Options& options);
  ~Log() override;

  void stop() noexcept override;

  Result<SeqId> append(const Context&, const CollectionId&, SharedBatch batch) override;
  Result<SeqId> append_if(const Context&, const CollectionId&, SharedBatch batch,
                          SeqId last) override;
  Status start_after(const Context&, const CollectionId&, SeqId after) override;
  Status drop(const Context&, const CollectionId&) override;
  /// With a SysDb, a collection is forgotten if that does not know it either and nothing was
  /// appended to it for an hour: another process may be about to create it.
  Status retain(const Context&, const std::vector<CollectionId>& known) override;

  Result<std::vector<LogBatch>> read(const Context&, const CollectionId&, SeqId after,
                                     size_t limit_bytes) override;
  Result<SeqId> last(const Context&, const CollectionId&) override;
  bool counts(const CollectionId&, SeqId applied) const override;
  Result<SeqId> settle(const Context&, const CollectionId&) override;
  void forget_reader(const CollectionId& collection) override { topics_.forget_reader(collection); }
  Status wait(const Context&, const CollectionId&, SeqId after) override;
  /// Rows go with the days' partitions, once everything in one may go.
  Status trim(const Context&, const CollectionId&, SeqId up_to) override;
  Status erase(const Context&, const CollectionId&, SeqId up_to) override;
  bool durable() const noexcept override { return true; }

  std::vector<HealthFinding> health(const Context&) override;

 private:
  Result<SeqId> append_checked(const Context&, const CollectionId&, SharedBatch batch,
                               std::optional<SeqId> only_after);
  Result<uint32_t> shard_of(const Context&, const CollectionId&);
  Result<Extent> extent(const Context&, const CollectionId&);
  Result<Extent> extent_beyond(const Context&, const CollectionId&, SeqId after);
  std::optional<SeqId> last_for_sure(const CollectionId&) const;
  Result<std::vector<CollectionId>> stored(const Context&, uint32_t shard);
  Result<std::vector<CollectionId>> unknown_to_sysdb(const Context&,
                                                     std::vector<CollectionId> candidates);
  Result<SeqId> trim_batches(const Context&, const CollectionId&, uint32_t shard, SeqId up_to);

  const Parts parts_;
  Topics topics_;
  log::SharedQuestion<Extent> extents_;
  Replicas replicas_;
  WriterMetrics metrics_;
  Reader reader_;
  std::vector<std::unique_ptr<Writer>> writers_;  ///< by shard
  Upkeep upkeep_;
};

}  // namespace viridian::clickhouse
