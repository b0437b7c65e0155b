#pragma once
#include <memory>
#include <string>

#include "clickhouse/client.h"
#include "lease/lease_keeper.h"

namespace viridian::clickhouse {

/// The leases in a single ClickHouse server, for any number of servers of ours. A lease is the name
/// of an empty table, lease_<slot>_<epoch>_<server>, that is taken by RENAME TABLE; signs of life
/// are rows of the table `servers`.
class Leases final : public LeaseKeeper {
 public:
  static Result<std::unique_ptr<Leases>> create(System& system);
  Leases(Client& client, Options options);

  /// What they are kept in.
  static std::unique_ptr<LeaseStore> make_store(Client& client);

  /// The id itself, or one with as much of its beginning as fits into a table's name and the same
  /// end.
  static std::string fitting(const std::string& id);
};

}  // namespace viridian::clickhouse
