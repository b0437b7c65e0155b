#pragma once
#include <memory>

#include "lease/lease_keeper.h"
#include "postgres/pool.h"

namespace viridian::postgres {

/// Leases in the tables servers and leases of PostgreSQL. They have connections of their own: calls
/// that wait for each other elsewhere keep no beat waiting.
class Leases final : public LeaseKeeper {
 public:
  static Result<std::unique_ptr<Leases>> create(System& system);
  /// In the database that `pool` is of, whose tables are there when this starts.
  Leases(const Pool& pool, Options options);

  static std::unique_ptr<LeaseStore> make_store(const Pool& pool);
};

}  // namespace viridian::postgres
