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

/// Whether `other` counts. A history that was trimmed goes on from a number of its own epoch; where
/// that is the same one, the seal that needs no other goes first.
bool outdone(const Seal& seal, const Seal& other) {
  if (seal.prev_last != other.prev_last) return seal.prev_last < other.prev_last;
  return seal.prev_epoch != 0 && other.prev_epoch == 0;
}

}  // namespace

Result<Extent> extent_of(const CollectionId& collection, std::span<const EpochRows> rows) {
  std::map<uint64_t, Seal> seals;
  for (const EpochRows& found : rows) {
    if (!found.seal) continue;
    const Seal seal{found.prev_epoch, found.prev_last};
    const auto [entry, added] = seals.try_emplace(found.epoch, seal);
    if (!added && outdone(entry->second, seal)) entry->second = seal;
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
  if (client->shards() != 1 || client->replicas(0) != 1) {
    return Error(Code::failed_precondition,
                 "clickhouse::SealHistory works with a single ClickHouse server, but "
                 "clickhouse.url names several; choose postgres::History");
  }
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

Result<std::vector<EpochRows>> SealHistory::rows_of(const Context& context,
                                                    const CollectionId& collection) {
  VIRIDIAN_TRY(const auto found, find(context, std::span(&collection, 1)));
  std::vector<EpochRows> rows;
  for (const Found& entry : found) rows.push_back(entry.rows);
  return rows;
}

Result<Extent> SealHistory::extent(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY(const auto rows, rows_of(context, collection));
  return extent_of(collection, rows);
}

Status SealHistory::seal(const Context& context, const CollectionId& collection, uint64_t epoch,
                         const Seal& seal) {
  LogBlocks blocks(client_.seconds(), Client::kBlockRows, Client::kBlockBytes);
  blocks.add_seal(collection, epoch, seal.prev_epoch, seal.prev_last);
  return client_.insert(context, kNode, kLogTable, blocks.blocks().front());
}

Seal SealHistory::decide(const CollectionId& collection, uint64_t epoch, const Seal& proposed) {
  const uint32_t slot = slot_of(collection);
  const std::lock_guard lock(mutex_);
  decided_.erase(decided_.lower_bound({slot, 0, CollectionId()}),
                 decided_.lower_bound({slot, epoch, CollectionId()}));
  return decided_.try_emplace({slot, epoch, collection}, proposed).first->second;
}

void SealHistory::settled(const CollectionId& collection, uint64_t epoch) {
  const std::lock_guard lock(mutex_);
  decided_.erase({slot_of(collection), epoch, collection});
}

// More rows of the epoch before may have come since the first attempt: they are by-passed, as an
// attempt that is stored late would by-pass them.
Result<Extent> SealHistory::begin(const Context& context, const CollectionId& collection,
                                  uint64_t epoch) {
  VIRIDIAN_TRY(auto rows, rows_of(context, collection));
  VIRIDIAN_TRY(const Extent found, extent_of(collection, rows));
  const uint64_t newest = newest_epoch(found);
  if (newest >= epoch) settled(collection, epoch);
  if (newest > epoch) return epoch_over(collection, epoch, newest);
  if (newest == epoch) return found;
  const Seal own = decide(collection, epoch, {newest, found.last});
  VIRIDIAN_TRY_VOID(seal(context, collection, epoch, own));
  settled(collection, epoch);
  rows.push_back({epoch, true, own.prev_epoch, own.prev_last, own.prev_last});
  return extent_of(collection, rows);
}

// Rows that were stored before somebody else took the lease count if that one saw them: only its
// seal says so, and only that of the epoch which is the newest one after the seal was seen. One of
// an owner that has lost the lease, too, may yet be by-passed by what its successor read before.
Result<Extent> SealHistory::sealed_since(const Context& context, const CollectionId& collection,
                                         uint64_t epoch) {
  const auto found = extent(context, collection);
  if (!found.ok()) return Error(Code::unavailable, found.error().message());
  VIRIDIAN_TRY(const uint64_t newest, leases_.newest_epoch(context, collection));
  if (!found->spans.empty() && newest_epoch(*found) != newest)
    return not_decided(collection, epoch);
  return found;
}

std::vector<Status> SealHistory::commit(const Context& context, std::span<const Commit> commits) {
  std::map<std::pair<uint32_t, uint64_t>, Status> asked;
  std::map<std::pair<CollectionId, uint64_t>, Result<Extent>> sealed;
  std::vector<Status> outcomes;
  outcomes.reserve(commits.size());
  for (const Commit& commit : commits) {
    const auto [entry, first] =
        asked.try_emplace({slot_of(commit.collection), commit.epoch}, ok_status());
    if (first) entry->second = leases_.confirm(context, commit.collection, commit.epoch);
    if (entry->second.ok() || entry->second.error().code() != Code::aborted) {
      outcomes.push_back(entry->second);
      continue;
    }
    const std::pair over(commit.collection, commit.epoch);
    if (!sealed.contains(over))
      sealed.emplace(over, sealed_since(context, commit.collection, commit.epoch));
    const Result<Extent>& found = sealed.at(over);
    outcomes.push_back(found.ok() ? outcome_in(*found, commit.collection, commit.epoch, commit.to)
                                  : Status(found.error()));
  }
  return outcomes;
}

Result<std::vector<History::Last>> SealHistory::lasts(const Context& context,
                                                      std::span<const CollectionId> collections) {
  std::vector<Last> lasts;
  lasts.reserve(collections.size());
  for (size_t at = 0; at < collections.size(); at += kAskedAtOnce) {
    const auto part = collections.subspan(at, std::min(kAskedAtOnce, collections.size() - at));
    VIRIDIAN_TRY(const auto found, find(context, part));
    std::map<CollectionId, std::vector<EpochRows>> rows;
    for (const Found& entry : found) rows[entry.collection].push_back(entry.rows);
    for (const CollectionId& collection : part) {
      VIRIDIAN_TRY(const Extent extent, extent_of(collection, rows[collection]));
      lasts.push_back({newest_epoch(extent), extent.last});
    }
  }
  return lasts;
}

Status SealHistory::start_after(const Context& context, const CollectionId& collection,
                                uint64_t epoch, SeqId after) {
  VIRIDIAN_TRY(const Extent found, extent(context, collection));
  if (!found.spans.empty()) return log::has_begun(collection, found.last);
  const Seal own = decide(collection, epoch, {0, after});
  if (own != Seal{0, after}) return log::has_begun(collection, own.prev_last);
  VIRIDIAN_TRY_VOID(seal(context, collection, epoch, own));
  settled(collection, epoch);
  return ok_status();
}

// The row belongs to the epoch of the first number that is left: then all older seals may go.
Status SealHistory::trim(const Context& context, const CollectionId& collection, SeqId up_to) {
  VIRIDIAN_TRY(const Extent found, extent(context, collection));
  if (found.spans.empty()) return ok_status();
  const SeqId base = std::clamp(up_to, found.base, found.last);
  return seal(context, collection, owner_of(found, base + 1), {0, base});
}

Status SealHistory::forget(const Context& context, std::span<const CollectionId> collections) {
  if (collections.empty()) return ok_status();
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(decided_, [&](const auto& entry) {
      return std::ranges::find(collections, std::get<CollectionId>(entry.first)) !=
             collections.end();
    });
  }
  return erase_rows(context, client_, kNode.shard, kLogTable,
                    fmt::format("collection_id IN ({})", literals(collections)));
}

}  // namespace viridian::clickhouse
