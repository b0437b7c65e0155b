#include "log/clickhouse_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "clickhouse/literal.h"
#include "clickhouse/pause.h"
#include "log/log_errors.h"

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

constexpr size_t kWindowRecordsMin = 16;
constexpr size_t kWindowRecordsMax = 65'536;
/// How long records may be missing on all replicas before a read says so.
constexpr milliseconds kPatience{5000};
constexpr milliseconds kFirstPause{5};
constexpr milliseconds kLongestPause{200};

/// A server that gives this answer may give another one soon, or another server may.
bool passes(const Error& error) {
  return error.code() == Code::unavailable || error.code() == Code::resource_exhausted ||
         error.code() == Code::data_loss;
}

size_t window_records(size_t limit_bytes, size_t record_bytes) {
  return std::clamp(limit_bytes / record_bytes, kWindowRecordsMin, kWindowRecordsMax);
}

}  // namespace

/// What a read has so far.
struct Reader::Progress {
  SeqId after = 0;
  std::vector<LogBatch> batches;
  std::vector<uint64_t> epochs;  ///< of the batches
  size_t bytes = 0;
  size_t records = 0;
  bool full = false;
  std::deque<Window> held;     ///< what `partial` refers to
  std::vector<RowAt> partial;  ///< of a batch whose end is in the next window
};

Reader::Reader(Client& client, Topics& topics, History& history, obs::Metrics& metrics)
    : client_(client),
      topics_(topics),
      history_(history),
      short_answers_(metrics.counter("viridian_clickhouse_log_short_reads_total",
                                     "Answers that lacked records of the history.")) {}

Result<Reader::Window> Reader::fetch_from(const Context& context, Node node, const Range& range,
                                          const Extent& extent) {
  const std::string sql = fmt::format(
      "SELECT {} FROM {} WHERE collection_id = {} AND seq >= {} AND seq <= {} AND op < {}",
      read_columns(), log_table(client_), literal(range.collection), range.first, range.last,
      kSealOp);
  Window window;
  const auto keep = [&](Block& block) {
    window.blocks.push_back(std::move(block));
    const Block& kept = window.blocks.back();
    for (size_t row = 0; row < kept.rows(); ++row) {
      const RowAt at{&kept, row};
      if (at.seq() >= range.first && at.seq() <= range.last &&
          at.epoch() == owner_of(extent, at.seq()))
        window.rows.push_back(at);
    }
    return ok_status();
  };
  const Status outcome = client_.stream(context, node, sql, read_shape(), keep);
  if (!outcome.ok()) return outcome.error();
  const auto by_number = [](const RowAt& a, const RowAt& b) { return a.seq() < b.seq(); };
  const auto same = [](const RowAt& a, const RowAt& b) { return a.seq() == b.seq(); };
  std::stable_sort(window.rows.begin(), window.rows.end(), by_number);
  window.rows.erase(std::unique(window.rows.begin(), window.rows.end(), same), window.rows.end());
  const uint64_t due = range.last - range.first + 1;
  if (window.rows.size() != due) {
    short_answers_.inc();
    return Error(
        Code::unavailable,
        fmt::format("{} has {} of the records {} to {} of collection {}", client_.address(node),
                    window.rows.size(), range.first, range.last, range.collection.to_string()));
  }
  return window;
}

// What was missing may have been trimmed, or by-passed by another writer's epoch.
Status Reader::check_history(const Context& context, const Range& range, const Extent& extent) {
  const auto asked = Topics::Clock::now();
  VIRIDIAN_TRY(Extent found, history_.extent(context, range.collection));
  found = topics_.learn(range.collection, std::move(found), asked);
  if (range.first <= found.base)
    return log::trimmed_away(range.collection, range.first - 1, found.base);
  if (found.last < range.last || owner_of(found, range.first) != owner_of(extent, range.first) ||
      owner_of(found, range.last) != owner_of(extent, range.last)) {
    return Error(Code::aborted, fmt::format("the history of collection {} is another by now",
                                            range.collection.to_string()));
  }
  return ok_status();
}

Result<Reader::Window> Reader::fetch(const Context& context, const Range& range,
                                     const Extent& extent) {
  const auto patience = Topics::Clock::now() + kPatience;
  for (milliseconds wait = kFirstPause;; wait = std::min(wait * 2, kLongestPause)) {
    Error error(Code::unavailable, "no replica was asked");
    for (const Node& node : client_.order(range.shard)) {
      auto window = fetch_from(context, node, range, extent);
      if (window.ok()) return window;
      VIRIDIAN_TRY_VOID(context.check());
      error = window.error();
      if (!passes(error)) return error;
    }
    if (Topics::Clock::now() >= patience) return error;
    if (const Status checked = check_history(context, range, extent);
        !checked.ok() && !passes(checked.error()))
      return checked.error();
    VIRIDIAN_TRY_VOID(pause(context, wait));
  }
}

Result<SeqId> Reader::batch_end(const Context& context, const CollectionId& collection,
                                uint32_t shard, const Extent& extent, SeqId number) {
  number = std::min(number, extent.last);
  if (number <= extent.base) return extent.base;
  const uint64_t epoch = owner_of(extent, number);
  SeqId before = extent.base;
  for (const Span& span : extent.spans)
    if (span.epoch == epoch) before = std::max(before, span.first - 1);
  const std::string sql = fmt::format(
      "SELECT max(seq) AS m FROM {} WHERE collection_id = {} AND seq > {} AND seq <= {} AND "
      "epoch = {} AND op < {} AND bitAnd(flags, {}) = {}",
      log_table(client_), literal(collection), before, number, epoch, kSealOp, kLastOfBatch,
      kLastOfBatch);
  Error error(Code::unavailable, "no replica was asked");
  for (const Node& node : client_.order(shard)) {
    const auto block = client_.select(context, node, sql, {{"m", std::vector<uint64_t>()}});
    if (block.ok() && block->rows() == 1)
      return std::max(before, block->get<std::vector<uint64_t>>(0).front());
    VIRIDIAN_TRY_VOID(context.check());
    if (!block.ok()) error = block.error();
    if (!passes(error)) break;
  }
  return error;
}

Status Reader::take(Window window, Progress& progress, size_t limit_bytes) {
  progress.held.push_back(std::move(window));
  for (const RowAt& row : progress.held.back().rows) {
    progress.partial.push_back(row);
    if (!row.last_of_batch()) continue;
    const SeqId first = progress.partial.front().seq();
    if (row.seq() > progress.after) {
      VIRIDIAN_TRY(RecordBatch batch, batch_of(progress.partial));
      progress.bytes += batch.size_bytes();
      progress.records += batch.rows();
      progress.batches.push_back({first, std::make_shared<const RecordBatch>(std::move(batch))});
      progress.epochs.push_back(row.epoch());
    }
    progress.partial.clear();
    progress.full = !progress.batches.empty() && progress.bytes >= limit_bytes;
    if (progress.full) break;
  }
  if (progress.partial.empty()) progress.held.clear();
  return ok_status();
}

Result<std::vector<LogBatch>> Reader::read(const Context& context, const CollectionId& collection,
                                           uint32_t shard, const Extent& extent, SeqId after,
                                           size_t limit_bytes) {
  Progress progress;
  progress.after = after;
  SeqId at = after;  // ends a batch, unless the first window says otherwise
  bool check_end = after > extent.base;
  while (at < extent.last && !progress.full) {
    const size_t record_bytes = topics_.record_bytes(collection);
    const size_t wanted = limit_bytes - std::min(limit_bytes, progress.bytes);
    const size_t records = window_records(wanted, record_bytes);
    const Range range{collection, shard, check_end ? at : at + 1,
                      at + std::min<uint64_t>(records, extent.last - at)};
    VIRIDIAN_TRY(Window window, fetch(context, range, extent));
    if (check_end) {
      check_end = false;
      const bool ends = window.rows.front().last_of_batch();
      if (!ends) {
        VIRIDIAN_TRY(at, batch_end(context, collection, shard, extent, at));
        continue;
      }
      window.rows.erase(window.rows.begin());
    }
    VIRIDIAN_TRY_VOID(take(std::move(window), progress, limit_bytes));
    at = range.last;
    if (progress.records > 0)
      topics_.set_record_bytes(collection, std::max<size_t>(progress.bytes / progress.records, 1));
  }
  if (!progress.full && !progress.partial.empty()) {
    return Error(Code::data_loss, fmt::format("the log of collection {} ends at number {}, in the "
                                              "middle of a batch",
                                              collection.to_string(), extent.last));
  }
  for (size_t i = 0; i < progress.batches.size(); ++i) {
    const uint64_t epoch = progress.epochs[i];
    SeqId first = 1;
    for (const Span& span : extent.spans)
      if (span.epoch == epoch) first = span.first;
    topics_.given(collection, epoch, first, progress.batches[i].last_seq());
  }
  return std::move(progress.batches);
}

}  // namespace viridian::clickhouse
