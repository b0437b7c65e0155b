#pragma once
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "clickhouse/client.h"
#include "log/clickhouse_rows.h"
#include "log/clickhouse_topics.h"
#include "log/history.h"
#include "obs/metrics.h"
#include "viridian/spi/log.h"

namespace viridian::clickhouse {

/// Reads ranges of record_log. A range counts once every number of it is there, in a row of the
/// epoch that owns it: an insert that is on its way, or a replica that lags, never shows as an end.
/// Thread-safe.
class Reader {
 public:
  Reader(Client& client, Topics& topics, History& history, obs::Metrics& metrics);

  /// As Consumer::read(), of a history that goes beyond `after`, which is not before its base.
  ///   unavailable   some numbers are on no replica that answers
  ///   aborted       the history is another by now
  ///   out_of_range  it was trimmed meanwhile
  Result<std::vector<LogBatch>> read(const Context&, const CollectionId&, uint32_t shard,
                                     const Extent& extent, SeqId after, size_t limit_bytes);

  /// A number that ends a batch, or the history's base: the greatest one up to `number`, as far as
  /// a replica knows.
  Result<SeqId> batch_end(const Context&, const CollectionId&, uint32_t shard, const Extent& extent,
                          SeqId number);

 private:
  struct Range {
    CollectionId collection;
    uint32_t shard = 0;
    SeqId first = 0;
    SeqId last = 0;
  };
  /// Rows by number, one for each.
  struct Window {
    std::deque<Block> blocks;
    std::vector<RowAt> rows;
  };
  struct Progress;

  Result<Window> fetch(const Context&, const Range&, const Extent&);
  Result<Window> fetch_from(const Context&, Node, const Range&, const Extent&);
  Status check_history(const Context&, const Range&, const Extent&);
  static Status take(Window window, Progress& progress, size_t limit_bytes);

  Client& client_;
  Topics& topics_;
  History& history_;
  obs::Counter& short_answers_;
};

}  // namespace viridian::clickhouse
