#include <fmt/format.h>

#include <algorithm>

#include "clickhouse/literal.h"
#include "clickhouse/pause.h"
#include "log/clickhouse_writer.h"

// How a group of rows gets into record_log, and on how many replicas it is seen there.
namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

/// With another replica at hand one is not waited for longer than this.
constexpr milliseconds kAttempt{5'000};
constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{1'000};
/// How long one replica may take to show a write before the others are looked at again.
constexpr milliseconds kCopyPatience{1'000};
constexpr milliseconds kFirstLook{2};
constexpr milliseconds kLongestLook{100};

/// After such an error the rows may be stored, or be stored later.
bool leaves_doubt(const Error& error) {
  switch (error.code()) {
    case Code::unavailable:
    case Code::deadline_exceeded:
    case Code::cancelled:
    case Code::data_loss:
    case Code::internal:
      return true;
    default:
      return false;
  }
}

/// For one request of what `context` is for, which is not to take all of its time.
Context attempt_of(const Context& context) {
  return context.no_later_than(Context::Clock::now() + kAttempt);
}

}  // namespace

Writer::Outcome Writer::insert(const Context& context, std::span<const Part> parts) {
  LogBlocks blocks(parts_.client.seconds(), options_.block_rows, options_.block_bytes);
  for (const Part& part : parts)
    for (const auto& [first, batch] : part.batches)
      blocks.add(part.collection, part.epoch, first, *batch);
  bool some = false;
  for (const Block& block : blocks.blocks()) {
    Outcome outcome = insert_block(context, block);
    if (outcome.stored == Stored::yes) {
      some = true;
      continue;
    }
    if (some && outcome.stored == Stored::no) outcome.stored = Stored::partly;
    return outcome;
  }
  return {};
}

Writer::Outcome Writer::insert_block(const Context& context, const Block& block) {
  Outcome outcome{Stored::no, Error(Code::unavailable, "no server was asked")};
  for (milliseconds wait = kFirstPause;; wait = std::min(wait * 2, kLongestPause)) {
    const std::vector<Node> nodes = parts_.client.order(shard_);
    if (const Status checked = context.check(); !checked.ok()) {
      outcome.error = checked.error();
      return outcome;
    }
    for (const Node& node : nodes) {
      const Context attempt = nodes.size() == 1 ? context : attempt_of(context);
      const Status inserted = parts_.client.insert(attempt, node, kLogTable, block);
      if (inserted.ok()) {
        parts_.metrics.inserts.inc();
        return {};
      }
      parts_.metrics.retries.inc();
      outcome.error = inserted.error();
      if (leaves_doubt(inserted.error())) outcome.stored = Stored::unknown;
      if (stopping_ || !context.check().ok()) return outcome;
    }
    if (outcome.stored == Stored::no) return outcome;
    if (!pause(context, wait).ok() || stopping_) return outcome;
  }
}

Result<uint64_t> Writer::count_rows(const Context& context, Node node,
                                    std::span<const Part> parts) {
  std::vector<std::string> ranges;
  for (const Part& part : parts) {
    ranges.push_back(fmt::format("(collection_id = {} AND epoch = {} AND seq > {} AND seq <= {})",
                                 literal(part.collection), part.epoch, part.from, part.to));
  }
  const std::string sql =
      fmt::format("SELECT uniqExact(collection_id, seq) AS n FROM {} WHERE op < {} AND ({})",
                  log_table(parts_.client), kSealOp, fmt::join(ranges, " OR "));
  VIRIDIAN_TRY(const Block block, parts_.client.select(attempt_of(context), node, sql,
                                                       {{"n", std::vector<uint64_t>()}}));
  return block.rows() == 1 ? block.get<std::vector<uint64_t>>(0).front() : 0;
}

bool Writer::is_stored(const Context& context, const Part& part) {
  const std::vector<Node> nodes = parts_.client.order(shard_);
  return std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) {
    return count_rows(context, node, std::span(&part, 1)).value_or(0) == part.to - part.from;
  });
}

Status Writer::wait_for_copy(const Context& context, Node node, std::span<const Part> parts) {
  uint64_t due = 0;
  for (const Part& part : parts) due += part.to - part.from;
  const auto until = Context::Clock::now() + kCopyPatience;
  for (milliseconds wait = kFirstLook;; wait = std::min(wait * 2, kLongestLook)) {
    VIRIDIAN_TRY(const uint64_t found, count_rows(context, node, parts));
    if (found == due) return ok_status();
    parts_.metrics.stale_replicas.inc();
    if (Context::Clock::now() >= until) {
      return Error(Code::unavailable, fmt::format("{} shows {} of {} new records",
                                                  parts_.client.address(node), found, due));
    }
    VIRIDIAN_TRY_VOID(pause(context, wait));
  }
}

// A replica that answers an insert with success may have taken it for one that another replica
// got: only what is seen is there.
Status Writer::read_back(const Context& context, std::span<const Part> parts) {
  const std::vector<Node> nodes = parts_.client.order(shard_);
  if (!parts_.client.replicated() && options_.copies <= 1) return ok_status();
  const size_t due = std::min<size_t>(options_.copies, nodes.size());
  std::vector<bool> has(nodes.size());
  size_t copies = 0;
  Error error(Code::unavailable, "no replica was asked");
  for (milliseconds wait = kFirstPause;; wait = std::min(wait * 2, kLongestPause)) {
    for (size_t i = 0; i < nodes.size() && copies < due; ++i) {
      if (has[i]) continue;
      const Status found = wait_for_copy(context, nodes[i], parts);
      has[i] = found.ok();
      copies += has[i] ? 1 : 0;
      if (!found.ok()) error = found.error();
      if (stopping_) return error;
    }
    if (copies >= due) return ok_status();
    if (!pause(context, wait).ok()) break;
  }
  return Error(Code::unavailable,
               fmt::format("{} of {} replicas have the batch: {}", copies, due, error.message()));
}

}  // namespace viridian::clickhouse
