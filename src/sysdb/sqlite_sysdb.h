#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "sql/migrations.h"
#include "viridian/spi/component.h"
#include "viridian/spi/sysdb.h"

namespace viridian::local {
class DataDirectory;
}
namespace viridian::os {
class Files;
}

namespace viridian::sqlite {

/// The SysDb in one SQLite file, `sysdb.sqlite3` in the data directory. Setting `migrations` says
/// what start() does with a file of another version. Between start() and stop() only.
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

  ///   data_loss            the file is damaged
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
  Result<std::vector<CollectionId>> all_collections(const Context&) override;

  Status reset(const Context&) override;

 private:
  /// failed_precondition where records are kept but the file that names them is missing: starting
  /// with an empty one would make all of them garbage.
  Status check_not_lost() const;
  using SharedCollection = std::shared_ptr<const Collection>;

  /// The connection, held alone as long as this lives.
  class Session;
  Result<Session> begin(const Context&);

  SharedCollection cached(const CollectionId& id);
  void remember(const Collection& collection);
  void forget(const CollectionId& id);
  void forget_all();

  os::Files& files_;
  const local::DataDirectory& directory_;
  const Options options_;

  std::mutex database_mutex_;
  std::unique_ptr<sql::Database> database_;  // guarded by database_mutex_; null while stopped

  std::mutex cache_mutex_;
  /// Rows as they are in the database. Filled and emptied under database_mutex_; a change empties
  /// before it commits, so that whatever becomes of the commit no stale row stays.
  std::unordered_map<CollectionId, SharedCollection> cache_;  // guarded by cache_mutex_
};

}  // namespace viridian::sqlite
