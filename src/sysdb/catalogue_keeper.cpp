#include "sysdb/catalogue_keeper.h"

#include <fmt/format.h>

#include "obs/log.h"
#include "sysdb/catalogue.h"
#include "sysdb/sqlite_rows.h"

namespace viridian::sqlite {
namespace {

Error database_lost(const std::string& path, uint64_t has, uint64_t knows) {
  return Error(Code::data_loss,
               fmt::format("{} has lost changes: it ends with change {}, and the directory "
                           "catalogue beside it knows of change {}; run viridian repair",
                           path, has, knows));
}

}  // namespace

Status CatalogueKeeper::compare(sql::Database& database) {
  VIRIDIAN_TRY(const rows::Changes changes, rows::read_changes(database));
  VIRIDIAN_TRY(const auto expected, rows::read_collection_changes(database));
  VIRIDIAN_TRY(const sysdb::Catalogue catalogue, sysdb::read_catalogue(files_, directory_));
  // A copy is written after its change was synced, so the database cannot be behind.
  if (catalogue.latest_change() > changes.latest)
    return database_lost(database.path(), changes.latest, catalogue.latest_change());
  for (const sysdb::Catalogue::Damage& damage : catalogue.damaged) {
    if (damage.error.code() == Code::failed_precondition) return damage.error;
    obs::log(obs::Level::warn, "sysdb", "a damaged copy in the catalogue is written anew",
             {{"file", damage.file_name}, {"error", damage.error.message()}});
    if (const auto id = sysdb::collection_of_copy(damage.file_name)) due_.insert(*id);
  }
  databases_due_ = !catalogue.databases || catalogue.databases->change != changes.of_databases;
  std::set<CollectionId> current;
  for (const sysdb::CollectionCopy& copy : catalogue.collections) {
    const auto row = expected.find(copy.collection.id);
    if (row != expected.end() && row->second == copy.change)
      current.insert(copy.collection.id);
    else
      due_.insert(copy.collection.id);
  }
  for (const auto& [id, change] : expected)
    if (current.count(id) == 0) due_.insert(id);
  return ok_status();
}

Status CatalogueKeeper::write_due(sql::Database& database) {
  if (due_.empty() && !databases_due_) return ok_status();
  VIRIDIAN_TRY_VOID(files_.make_directories(directory_));
  if (databases_due_) {
    VIRIDIAN_TRY(const sysdb::DatabasesCopy copy, rows::copy_databases(database));
    VIRIDIAN_TRY_VOID(sysdb::replace_copy(files_, directory_, sysdb::kDatabasesFile,
                                          sysdb::encode_databases_copy(copy)));
  }
  for (const CollectionId& id : due_) VIRIDIAN_TRY_VOID(write_collection(database, id));
  VIRIDIAN_TRY_VOID(files_.sync_directory(directory_));
  due_.clear();
  databases_due_ = false;
  return ok_status();
}

Status CatalogueKeeper::write_collection(sql::Database& database, const CollectionId& id) {
  VIRIDIAN_TRY(const auto copy, rows::copy_collection(database, id));
  const std::string name = sysdb::copy_name(id);
  if (copy)
    return sysdb::replace_copy(files_, directory_, name, sysdb::encode_collection_copy(*copy));
  VIRIDIAN_TRY_VOID(files_.remove(os::join(directory_, name + ".new")));
  return files_.remove(os::join(directory_, name));
}

}  // namespace viridian::sqlite
