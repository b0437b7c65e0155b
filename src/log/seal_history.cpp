#include "log/seal_history.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "clickhouse/erase.h"
#include "clickhouse/literal.h"
#include "log/clickhouse_rows.h"
#include "log/log_errors.h"

namespace viridian::clickhouse {
namespace {

constexpr Node kNode{};
/// Collections asked about by one statement.
constexpr size_t kAskedAtOnce = 1000;

struct Seal {
  uint64_t prev_epoch = 0;
  SeqId prev_last = 0;

  /// A seal that begins the history anew goes before one that goes on from there.
  bool before(const Seal& other) const {
    if (prev_last != other.prev_last) return prev_last < other.prev_last;
    return prev_epoch != 0 && other.prev_epoch == 0;
  }
};

}  // namespace

Result<Extent> extent_of(const CollectionId& collection, std::span<const EpochRows> rows) {
  std::map<uint64_t, Seal> seals;
  for (const EpochRows& found : rows) {
    if (!found.seal) continue;
    const Seal seal{found.prev_epoch, found.prev_last};
    const auto [entry, added] = seals.try_emplace(found.epoch, seal);
    if (!added && entry->second.before(seal)) entry->second = seal;
  }
  Extent extent;
  if (seals.empty()) return extent;
  const auto newest = std::prev(seals.end());
  extent.last = newest->second.prev_last;
  for (const EpochRows& found : rows)
    if (!found.seal && found.epoch == newest->first)
      extent.last = std::max(extent.last, found.last);
  for (auto at = newest;;) {
    const auto [prev_epoch, prev_last] = at->second;
    extent.spans.push_back({at->first, prev_last + 1});
    extent.base = prev_last;
    if (prev_epoch == 0) break;
    at = prev_epoch < at->first ? seals.find(prev_epoch) : seals.end();
    if (at == seals.end()) {
      return Error(Code::data_loss,
                   fmt::format("the log of collection {} lacks the row that begins its epoch {}: "
                               "restore record_log",
                               collection.to_string(), prev_epoch));
    }
  }
  std::reverse(extent.spans.begin(), extent.spans.end());
  return extent;
}

Result<std::unique_ptr<SealHistory>> SealHistory::create(System& system) {
  VIRIDIAN_TRY(Client * client, system.require<Client>());
  VIRIDIAN_TRY(Leases * leases, system.require<Leases>());
  return std::make_unique<SealHistory>(*client, *leases);
}

Result<std::vector<SealHistory::Found>> SealHistory::find(
    const Context& context, std::span<const CollectionId> collections) {
  const std::string sql = fmt::format(
      "SELECT collection_id AS c, epoch AS e, op = {} AS s, prev_epoch AS pe, prev_last AS pl, "
      "max(seq) AS m FROM {} WHERE collection_id IN ({}) AND (op = {} OR bitAnd(flags, {}) = {}) "
      "GROUP BY c, e, s, pe, pl",
      kSealOp, log_table(client_), literals(collections), kSealOp, kLastOfBatch, kLastOfBatch);
  const Shape shape = {{"c", std::vector<Uuid>()},      {"e", std::vector<uint64_t>()},
                       {"s", std::vector<uint8_t>()},   {"pe", std::vector<uint64_t>()},
                       {"pl", std::vector<uint64_t>()}, {"m", std::vector<uint64_t>()}};
  VIRIDIAN_TRY(const Block block, client_.select(context, kNode, sql, shape));
  std::vector<Found> found;
  found.reserve(block.rows());
  const auto number = [&](size_t column, size_t row) {
    return block.get<std::vector<uint64_t>>(column)[row];
  };
  for (size_t row = 0; row < block.rows(); ++row) {
    found.push_back({block.get<std::vector<Uuid>>(0)[row],
                     {.epoch = number(1, row),
                      .seal = block.get<std::vector<uint8_t>>(2)[row] != 0,
                      .prev_epoch = number(3, row),
                      .prev_last = number(4, row),
                      .last = number(5, row)}});
  }
  return found;
}

Result<Extent> SealHistory::read(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY(const auto found, find(context, std::span(&collection, 1)));
  std::vector<EpochRows> rows;
  for (const Found& entry : found) rows.push_back(entry.rows);
  return extent_of(collection, rows);
}

Status SealHistory::seal(const Context& context, const CollectionId& collection, uint64_t epoch,
                         uint64_t prev_epoch, SeqId prev_last) {
  LogBlocks blocks(client_.seconds(), Client::kBlockRows, Client::kBlockBytes);
  blocks.add_seal(collection, epoch, prev_epoch, prev_last);
  return client_.insert(context, kNode, kLogTable, blocks.blocks().front());
}

// A seal that was sent and not heard of again may be stored later, beside the one of a second
// attempt. Rows are only added, so the second one seals as much or more, and counts.
Result<Extent> SealHistory::begin(const Context& context, const CollectionId& collection,
                                  uint64_t epoch) {
  VIRIDIAN_TRY(Extent extent, read(context, collection));
  const uint64_t newest = extent.spans.empty() ? 0 : extent.spans.back().epoch;
  if (newest == epoch) return extent;
  if (newest > epoch) {
    return Error(Code::aborted, fmt::format("epoch {} of collection {} is over: epoch {} has begun",
                                            epoch, collection.to_string(), newest));
  }
  VIRIDIAN_TRY_VOID(seal(context, collection, epoch, newest, extent.last));
  extent.spans.push_back({epoch, extent.last + 1});
  return extent;
}

std::vector<Status> SealHistory::commit(const Context& context, std::span<const Commit> commits) {
  std::map<std::pair<uint32_t, uint64_t>, Status> asked;
  std::vector<Status> outcomes;
  outcomes.reserve(commits.size());
  for (const Commit& commit : commits) {
    const auto [entry, first] =
        asked.try_emplace({slot_of(commit.collection), commit.epoch}, ok_status());
    if (first) entry->second = leases_.confirm(context, commit.collection, commit.epoch);
    outcomes.push_back(entry->second);
  }
  return outcomes;
}

Result<Extent> SealHistory::extent(const Context& context, const CollectionId& collection) {
  return read(context, collection);
}

Result<std::vector<SeqId>> SealHistory::lasts(const Context& context,
                                              std::span<const CollectionId> collections) {
  std::vector<SeqId> lasts;
  lasts.reserve(collections.size());
  for (size_t at = 0; at < collections.size(); at += kAskedAtOnce) {
    const auto part = collections.subspan(at, std::min(kAskedAtOnce, collections.size() - at));
    VIRIDIAN_TRY(const auto found, find(context, part));
    std::map<CollectionId, std::vector<EpochRows>> rows;
    for (const Found& entry : found) rows[entry.collection].push_back(entry.rows);
    for (const CollectionId& collection : part) {
      VIRIDIAN_TRY(const Extent extent, extent_of(collection, rows[collection]));
      lasts.push_back(extent.last);
    }
  }
  return lasts;
}

Status SealHistory::start_after(const Context& context, const CollectionId& collection,
                                uint64_t epoch, SeqId after) {
  VIRIDIAN_TRY(const Extent extent, read(context, collection));
  if (!extent.spans.empty()) return log::has_begun(collection, extent.last);
  return seal(context, collection, epoch, 0, after);
}

// The row belongs to the epoch of the first number that is left: then all older seals may go.
Status SealHistory::trim(const Context& context, const CollectionId& collection, SeqId up_to) {
  VIRIDIAN_TRY(const Extent extent, read(context, collection));
  if (extent.spans.empty()) return ok_status();
  const SeqId base = std::clamp(up_to, extent.base, extent.last);
  uint64_t epoch = 0;
  for (const Span& span : extent.spans)
    if (span.first <= base + 1) epoch = span.epoch;
  return seal(context, collection, epoch, 0, base);
}

Status SealHistory::forget(const Context& context, std::span<const CollectionId> collections) {
  if (collections.empty()) return ok_status();
  return erase_rows(context, client_, kNode.shard, kLogTable,
                    fmt::format("collection_id IN ({})", literals(collections)));
}

}  // namespace viridian::clickhouse
