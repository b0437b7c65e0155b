#pragma once
#include <set>
#include <string>
#include <vector>

#include "os/files.h"
#include "sql/database.h"
#include "viridian/base/result.h"
#include "viridian/model/ids.h"

namespace viridian::sqlite {

/// Keeps the copies in the directory catalogue (sysdb/catalogue.h) as the database is. What could
/// not be written stays due, and is written with the next change or the next start.
/// For one thread at a time.
class CatalogueKeeper {
 public:
  CatalogueKeeper(os::Files& files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}

  /// Compares all copies with the database; what differs is due.
  ///   data_loss  a copy is of a change that the database has lost; nothing was touched
  Status compare(sql::Database& database);
  /// These have changed, or are gone.
  void collections_changed(const std::vector<CollectionId>& ids) {
    due_.insert(ids.begin(), ids.end());
  }
  void databases_changed() noexcept { databases_due_ = true; }
  /// Writes what is due, durably. To be called outside a transaction.
  Status write_due(sql::Database& database);

 private:
  Status write_collection(sql::Database& database, const CollectionId& id);

  os::Files& files_;
  const std::string directory_;
  std::set<CollectionId> due_;
  bool databases_due_ = false;
};

}  // namespace viridian::sqlite
