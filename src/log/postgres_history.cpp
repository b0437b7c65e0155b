#include "log/postgres_history.h"

#include <fmt/format.h>

#include <map>
#include <set>

namespace viridian::postgres {
namespace {

using clickhouse::Extent;

constexpr std::string_view kSelectExtent =
    "SELECT h.base, h.head, s.epoch, s.first FROM heads h"
    " LEFT JOIN spans s ON s.collection = h.collection WHERE h.collection = $1 ORDER BY s.epoch";

Extent extent_of(const Rows& rows) {
  Extent extent;
  for (size_t row = 0; row < rows.size(); ++row) {
    extent.base = rows.number(row, 0);
    extent.last = rows.number(row, 1);
    if (!rows.is_null(row, 2)) extent.spans.push_back({rows.number(row, 2), rows.number(row, 3)});
  }
  return extent;
}

/// What PostgreSQL says about other transactions says nothing about epochs.
Error not_known(const Error& error) { return Error(Code::unavailable, error.message()); }

}  // namespace

/// Commits of one collection, each of which continues the one before.
struct History::Chain {
  CollectionId collection;
  uint64_t epoch = 0;
  SeqId from = 0;
  SeqId to = 0;
  std::vector<size_t> commits;  // their places in the call
};

Result<std::unique_ptr<History>> History::create(System& system) {
  VIRIDIAN_TRY(Pool * pool, system.require<Pool>());
  return std::make_unique<History>(*pool);
}

Result<Extent> History::begin(const Context& context, const CollectionId& collection,
                              uint64_t epoch) {
  Extent extent;
  const Pool::Body body = [&](Connection& connection) -> Status {
    VIRIDIAN_TRY_VOID(begin_in(context, connection, collection, epoch));
    VIRIDIAN_TRY(const Rows rows,
                 connection.run(context, kSelectExtent, Parameters().add(collection)));
    extent = extent_of(rows);
    return ok_status();
  };
  VIRIDIAN_TRY_VOID(pool_.transact(context, body));
  return extent;
}

Status History::begin_in(const Context& context, Connection& connection,
                         const CollectionId& collection, uint64_t epoch) const {
  const auto add_span = [&](SeqId first) -> Status {
    VIRIDIAN_TRY_VOID(
        connection.run(context, "INSERT INTO spans (collection, epoch, first) VALUES ($1, $2, $3)",
                       Parameters().add(collection).add(epoch).add(first)));
    return ok_status();
  };
  VIRIDIAN_TRY(const Rows made,
               connection.run(context,
                              "INSERT INTO heads (collection, epoch, base, head)"
                              " VALUES ($1, $2, 0, 0) ON CONFLICT (collection) DO NOTHING",
                              Parameters().add(collection).add(epoch)));
  if (made.changed() == 1) return add_span(1);
  VIRIDIAN_TRY(
      const Rows found,
      connection.run(context, "SELECT epoch, head FROM heads WHERE collection = $1 FOR UPDATE",
                     Parameters().add(collection)));
  if (found.empty())
    return Error(Code::unavailable, fmt::format("the history of collection [{}] was forgotten "
                                                "meanwhile: try again",
                                                collection.to_string()));
  const uint64_t newest = found.number(0, 0);
  const SeqId last = found.number(0, 1);
  if (newest > epoch) return clickhouse::epoch_over(collection, epoch, newest);
  if (newest == epoch) return ok_status();
  VIRIDIAN_TRY_VOID(connection.run(context, "UPDATE heads SET epoch = $2 WHERE collection = $1",
                                   Parameters().add(collection).add(epoch)));
  // Of epochs that brought no record nothing is left.
  VIRIDIAN_TRY_VOID(connection.run(context,
                                   "DELETE FROM spans WHERE collection = $1 AND first = $2",
                                   Parameters().add(collection).add(last + 1)));
  return add_span(last + 1);
}

std::vector<Status> History::commit(const Context& context, std::span<const Commit> commits) {
  std::vector<Status> outcomes(commits.size());
  std::vector<Chain> chains;
  const auto run = [&] {
    commit_chains(context, chains, commits, outcomes);
    chains.clear();
  };
  std::map<CollectionId, size_t> places;  // of chains
  for (size_t i = 0; i < commits.size(); ++i) {
    const Commit& commit = commits[i];
    const auto [place, added] = places.try_emplace(commit.collection, chains.size());
    if (!added) {
      Chain& chain = chains[place->second];
      if (chain.epoch == commit.epoch && chain.to == commit.from) {
        chain.to = commit.to;
        chain.commits.push_back(i);
        continue;
      }
      run();  // one statement moves each number once
      places.clear();
      places[commit.collection] = 0;
    }
    chains.push_back({commit.collection, commit.epoch, commit.from, commit.to, {i}});
  }
  run();
  return outcomes;
}

void History::commit_chains(const Context& context, std::span<const Chain> chains,
                            std::span<const Commit> commits, std::span<Status> outcomes) {
  if (chains.empty()) return;
  std::vector<Uuid> collections;
  std::vector<uint64_t> epochs, froms, tos;
  for (const Chain& chain : chains) {
    collections.push_back(chain.collection);
    epochs.push_back(chain.epoch);
    froms.push_back(chain.from);
    tos.push_back(chain.to);
  }
  // Within its epoch only this process moves the number: somewhere between is where an earlier
  // attempt left it, whose answer was lost.
  const auto moved = pool_.change(
      context,
      "UPDATE heads h SET head = n.target FROM unnest($1, $2, $3, $4)"
      " AS n (collection, epoch, start, target) WHERE h.collection = n.collection"
      " AND h.epoch = n.epoch AND h.head BETWEEN n.start AND n.target RETURNING h.collection",
      Parameters().add(collections).add(epochs).add(froms).add(tos));
  std::set<CollectionId> done;
  for (size_t row = 0; moved.ok() && row < moved->size(); ++row) done.insert(moved->uuid(row, 0));
  for (const Chain& chain : chains) {
    if (done.contains(chain.collection)) continue;
    const auto found = moved.ok() ? extent(context, chain.collection) : moved.error();
    for (const size_t place : chain.commits)
      outcomes[place] = found.ok() ? why_not(*found, commits[place]) : not_known(found.error());
  }
}

// An earlier attempt may have moved the number, whose answer was lost; whatever happened since.
Status History::why_not(const Extent& extent, const Commit& commit) {
  if (clickhouse::newest_epoch(extent) != commit.epoch)
    return clickhouse::outcome_in(extent, commit.collection, commit.epoch, commit.to);
  if (extent.last >= commit.to) return ok_status();
  return Error(Code::internal,
               fmt::format("collection [{}] ends at number {}; what follows {} cannot be committed",
                           commit.collection.to_string(), extent.last, commit.from));
}

Result<Extent> History::extent(const Context& context, const CollectionId& collection) {
  VIRIDIAN_TRY(const Rows rows, pool_.read(context, kSelectExtent, Parameters().add(collection)));
  return extent_of(rows);
}

Result<std::vector<History::Last>> History::lasts(const Context& context,
                                                  std::span<const CollectionId> collections) {
  VIRIDIAN_TRY(
      const Rows rows,
      pool_.read(context,
                 "SELECT coalesce(h.epoch, 0), coalesce(h.head, 0) FROM unnest($1) WITH ORDINALITY"
                 " AS n (collection, place) LEFT JOIN heads h"
                 " ON h.collection = n.collection ORDER BY n.place",
                 Parameters().add(collections)));
  std::vector<Last> found;
  for (size_t row = 0; row < rows.size(); ++row)
    found.push_back({rows.number(row, 0), rows.number(row, 1)});
  return found;
}

Status History::start_after(const Context& context, const CollectionId& collection, uint64_t epoch,
                            SeqId after) {
  VIRIDIAN_TRY(const Rows made,
               pool_.change(context,
                            "WITH made AS (INSERT INTO heads (collection, epoch, base, head)"
                            " VALUES ($1, $2, $3, $3) ON CONFLICT (collection) DO NOTHING"
                            " RETURNING collection, epoch, head)"
                            " INSERT INTO spans (collection, epoch, first)"
                            " SELECT collection, epoch, head + 1 FROM made",
                            Parameters().add(collection).add(epoch).add(after)));
  if (made.changed() == 1) return ok_status();
  return Error(Code::already_exists,
               fmt::format("collection [{}] has a history", collection.to_string()));
}

Status History::trim(const Context& context, const CollectionId& collection, SeqId up_to) {
  VIRIDIAN_TRY_VOID(pool_.change(
      context,
      "WITH trimmed AS (UPDATE heads SET base = greatest(base, least($2, head))"
      " WHERE collection = $1 RETURNING collection, base)"
      " DELETE FROM spans s USING trimmed t WHERE s.collection = t.collection AND EXISTS"
      " (SELECT FROM spans later WHERE later.collection = s.collection"
      " AND later.epoch > s.epoch AND later.first <= t.base + 1)",
      Parameters().add(collection).add(up_to)));
  return ok_status();
}

Status History::forget(const Context& context, std::span<const CollectionId> collections) {
  VIRIDIAN_TRY_VOID(pool_.change(context,
                                 "WITH gone AS (DELETE FROM heads WHERE collection = ANY ($1))"
                                 " DELETE FROM spans WHERE collection = ANY ($1)",
                                 Parameters().add(collections)));
  return ok_status();
}

}  // namespace viridian::postgres
