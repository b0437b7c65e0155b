#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "sql/follower.h"
#include "sql/migrations.h"
#include "sysdb/catalogue_keeper.h"
#include "sysdb/spare_room.h"
#include "viridian/spi/component.h"
#include "viridian/spi/sysdb.h"

namespace viridian::local {
class DataDirectory;
}
namespace viridian::os {
class Files;
}

namespace viridian::sqlite {

/// The SysDb in one SQLite file, `sysdb.sqlite3` in the data directory, with a copy of each
/// collection beside it (sysdb/catalogue.h). Setting `migrations` says what start() does with a
/// file of another version. Between start() and stop() only.
///
/// After a sync has failed every change is refused with data_loss until the next start(); what was
/// acknowledged before is safe and can be read.
///
/// Opened read-only it follows the process that writes the file, or reads what that one left: each
/// call sees all that was acknowledged before it, changes are permission_denied, and nothing on the
/// disk is touched.
///
/// Lock order: database_mutex_, then cache_mutex_.
class SysDb final : public Component, public viridian::SysDb {
 public:
  struct Options {
    sql::MigrationMode migrations = sql::MigrationMode::apply;
    bool read_only = false;
  };

  static Result<std::unique_ptr<SysDb>> create(System& system);
  SysDb(os::Files& files, const local::DataDirectory& directory, const Options& options);
  ~SysDb() override;

  ///   data_loss            the file is damaged, or has lost changes that the copies know of
  ///   not_found            read-only, and there is no file
  ///   failed_precondition  its tables are not those of this program (sql/migrations.h)
  Status start(const Context&) override;
  void stop() noexcept override;

  Status create_tenant(const Context&, const std::string& name) override;
  Result<Tenant> get_tenant(const Context&, const std::string& name) override;
  Status set_tenant_resource_name(const Context&, const std::string& name,
                                  const std::string& resource_name) override;

  Result<Database> create_database(const Context&, const DatabasePath&) override;
  Result<Database> get_database(const Context&, const DatabasePath&) override;
  Result<std::vector<Database>> list_databases(const Context&, const std::string& tenant,
                                               const Page&) override;
  Result<std::vector<CollectionId>> delete_database(const Context&, const DatabasePath&) override;

  Status create_collection(const Context&, const Collection&,
                           const std::vector<Segment>& segments) override;
  Result<Collection> get_collection(const Context&, const DatabasePath&,
                                    const std::string& name) override;
  /// From memory, where it was asked for before: a few microseconds at most.
  Result<Collection> get_collection(const Context&, const CollectionId&) override;
  Result<std::vector<Collection>> list_collections(const Context&, const DatabasePath&,
                                                   const Page&) override;
  Result<uint64_t> count_collections(const Context&, const DatabasePath&) override;
  Result<Collection> update_collection(const Context&, const CollectionId&,
                                       const CollectionChange&) override;
  Status delete_collection(const Context&, const CollectionId&) override;

  Result<std::vector<Segment>> list_segments(const Context&, const CollectionId&) override;
  Status publish(const Context&, const CollectionId&,
                 const std::vector<SegmentChange>& changes) override;
  Result<std::vector<CollectionId>> collections_with_garbage(const Context&,
                                                             int64_t before) override;
  Result<std::vector<CollectionId>> all_collections(const Context&) override;

  Status reset(const Context&) override;

  /// Number of the last change; the copies in the catalogue know of none that is later.
  Result<uint64_t> latest_change(const Context&);

 private:
  using SharedCollection = std::shared_ptr<const Collection>;

  /// failed_precondition where records are kept but the file that names them is missing: starting
  /// with an empty one would make all of them garbage.
  Status check_not_lost() const;
  Status start_following();
  Result<std::unique_ptr<sql::Database>> open_database();
  /// The database as this program needs it.
  Status prepare(sql::Database& database);

  /// The connection, held alone as long as this lives.
  class Session;
  Result<Session> begin(const Context&);
  /// A session with a transaction, and what it changes.
  class Change;
  Result<Change> begin_change(const Context&);
  Result<std::vector<CollectionId>> remove_database(const Context&, const DatabasePath&);
  Status remove_collection(const Context&, const CollectionId&);
  /// Makes a change that makes room; on a full disk once more, with the spare room given up.
  template <class Change>
  auto with_spare_room(const Change& change) {
    auto changed = change();
    if (changed.ok() || changed.error().code() != Code::resource_exhausted) return changed;
    {
      const std::lock_guard lock(database_mutex_);
      if (!spare_room_.give_up()) return changed;
    }
    return change();
  }
  /// What a commit leaves to be done. Its troubles are no troubles of the commit.
  void follow_up(sql::Database& database, bool purge);

  SharedCollection cached(const CollectionId& id);
  void remember(const Collection& collection);
  void forget(const CollectionId& id);
  void forget_all();

  os::Files& files_;
  const local::DataDirectory& directory_;
  const Options options_;
  const std::string path_;  // of the file

  std::mutex database_mutex_;
  std::unique_ptr<sql::Database> database_;  // guarded by database_mutex_; null while stopped
  std::unique_ptr<sql::Follower> follower_;  // instead of it when read-only; guarded as well
  CatalogueKeeper catalogue_;                // guarded by database_mutex_
  SpareRoom spare_room_;                     // guarded by database_mutex_

  std::mutex cache_mutex_;
  /// Rows as they are in the database. Filled and emptied under database_mutex_; a change empties
  /// before it commits, so that whatever becomes of the commit no stale row stays.
  std::unordered_map<CollectionId, SharedCollection> cache_;  // guarded by cache_mutex_
};

}  // namespace viridian::sqlite
