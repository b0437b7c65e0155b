#pragma once
#include <memory>
#include <vector>

#include "log/history.h"
#include "postgres/pool.h"
#include "viridian/spi/component.h"

namespace viridian::postgres {

/// Histories in PostgreSQL: a number per collection up to which records are committed, which only
/// the epoch that began last can move.
class History final : public Component, public clickhouse::History {
 public:
  static Result<std::unique_ptr<History>> create(System& system);
  explicit History(Pool& pool) : pool_(pool) {}

  Result<clickhouse::Extent> begin(const Context&, const CollectionId&, uint64_t epoch) override;
  /// In one round trip, where a collection's commits continue each other.
  std::vector<Status> commit(const Context&, std::span<const Commit> commits) override;
  Result<clickhouse::Extent> extent(const Context&, const CollectionId&) override;
  Result<std::vector<Last>> lasts(const Context&, std::span<const CollectionId>) override;
  Status start_after(const Context&, const CollectionId&, uint64_t epoch, SeqId after) override;
  Status trim(const Context&, const CollectionId&, SeqId up_to) override;
  Status forget(const Context&, std::span<const CollectionId>) override;

 private:
  struct Chain;
  Status begin_in(const Context&, Connection&, const CollectionId&, uint64_t epoch) const;
  /// Sets the outcomes of the chains' commits; they are ok so far.
  void commit_chains(const Context&, std::span<const Chain> chains, std::span<const Commit> commits,
                     std::span<Status> outcomes);
  static Status why_not(const clickhouse::Extent& extent, const Commit& commit);

  Pool& pool_;
};

}  // namespace viridian::postgres
