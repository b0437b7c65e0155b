#include "sysdb/sqlite_sysdb.h"

#include <fmt/format.h>

#include "component/data_directory.h"
#include "obs/log.h"
#include "os/files.h"
#include "sql/upgrade.h"
#include "sysdb/sqlite_session.h"

namespace viridian::sqlite {
namespace {

constexpr const char* kFile = "sysdb.sqlite3";
constexpr const char* kSpareRoom = "spare";
constexpr std::string_view kMigrations = "sysdb";  // directory below migrations/
constexpr size_t kCachedMax = 16384;
constexpr int kLogPagesMax = 1000;  // 4 MiB

}  // namespace

Result<std::unique_ptr<SysDb>> SysDb::create(System& system) {
  VIRIDIAN_TRY(os::Files * files, system.require<os::Files>());
  VIRIDIAN_TRY(local::DataDirectory * directory, system.require<local::DataDirectory>());
  VIRIDIAN_TRY(const sql::MigrationMode mode,
               sql::parse_migration_mode(system.settings().text("migrations")));
  return std::make_unique<SysDb>(*files, *directory,
                                 Options{mode, system.settings().boolean("read_only")});
}

SysDb::SysDb(os::Files& files, const local::DataDirectory& directory, const Options& options)
    : files_(files),
      directory_(directory),
      options_(options),
      path_(os::join(directory.path(), kFile)),
      catalogue_(files, os::join(directory.path(), sysdb::kCatalogueDirectory)),
      spare_room_(files, os::join(directory.path(), kSpareRoom)) {}

SysDb::~SysDb() { stop(); }

// ---- Start and stop

Status SysDb::start(const Context& context) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::lock_guard lock(database_mutex_);
  if (options_.read_only) return start_following();
  VIRIDIAN_TRY_VOID(check_not_lost());
  VIRIDIAN_TRY(auto database, open_database());
  if (Status prepared = prepare(*database); !prepared.ok()) {
    database->leave_log();  // what is refused is left as it was found
    return prepared;
  }
  database_ = std::move(database);
  return ok_status();
}

Status SysDb::start_following() {
  // An older version's tables are brought up to date in the copy, which is all that is read.
  auto follower = std::make_unique<sql::Follower>(files_, path_, [this](sql::Database& copy) {
    return sql::migrate(copy, kMigrations, sql::embedded_migrations(), options_.migrations);
  });
  VIRIDIAN_TRY_VOID(follower->current());
  follower_ = std::move(follower);
  return ok_status();
}

Status SysDb::check_not_lost() const {
  VIRIDIAN_TRY(const bool there, directory_.holds(kFile));
  if (there) return ok_status();
  for (const char* kept : {"segments", "log", "catalogue"}) {
    VIRIDIAN_TRY(const bool orphaned, directory_.holds(kept));
    if (orphaned)
      return Error(
          Code::failed_precondition,
          fmt::format("{} holds {}/ but no {}, which says what is in there: run viridian repair, "
                      "or move {}/ away to begin anew",
                      directory_.path(), kept, kFile, kept));
  }
  return ok_status();
}

Result<std::unique_ptr<sql::Database>> SysDb::open_database() {
  using sql::MigrationMode;
  VIRIDIAN_TRY_VOID(sql::remove_unfinished_upgrade(files_, path_));
  VIRIDIAN_TRY(const bool plain, sql::lacks_checksums(files_, path_));
  if (!plain || options_.migrations == MigrationMode::none)
    return sql::Database::open(files_, path_);
  if (options_.migrations == MigrationMode::validate)
    return Error(
        Code::failed_precondition,
        path_ + ": its pages have no checksums yet; start once with migrations = \"apply\"");
  {
    // The tables first: where those are refused the file is left as it is.
    VIRIDIAN_TRY(const auto database, sql::Database::open(files_, path_));
    Status migrated =
        sql::migrate(*database, kMigrations, sql::embedded_migrations(), options_.migrations);
    if (!migrated.ok()) {
      database->leave_log();
      return std::move(migrated).error();
    }
  }
  VIRIDIAN_TRY_VOID(sql::add_checksums(files_, path_));
  return sql::Database::open(files_, path_);
}

Status SysDb::prepare(sql::Database& database) {
  VIRIDIAN_TRY_VOID(database.check_integrity());
  VIRIDIAN_TRY_VOID(
      sql::migrate(database, kMigrations, sql::embedded_migrations(), options_.migrations));
  if (options_.migrations == sql::MigrationMode::none) return ok_status();
  VIRIDIAN_TRY_VOID(catalogue_.compare(database));
  // After a sync that failed the log may hold what never reached the disk, and look intact. Writing
  // it to the file and syncing that makes it true, before anything is built on it.
  auto emptied = database.checkpoint();
  const bool full = !emptied.ok() && emptied.error().code() == Code::resource_exhausted;
  if (full && spare_room_.give_up()) emptied = database.checkpoint();
  VIRIDIAN_TRY_VOID(emptied);
  follow_up(database, /*purge=*/false);
  return ok_status();
}

void SysDb::stop() noexcept {
  const std::lock_guard lock(database_mutex_);
  forget_all();
  database_.reset();
  follower_.reset();
}

// ---- Sessions

Result<SysDb::Session> SysDb::begin(const Context& context) {
  VIRIDIAN_TRY_VOID(context.check());
  std::unique_lock lock(database_mutex_);
  VIRIDIAN_TRY_VOID(context.check());  // it may have been a long wait
  if (follower_ != nullptr) {
    const Result<sql::Database*> current = follower_->current();
    if (current.ok()) return Session(std::move(lock), **current);
    // The whole database is out of reach: no collection of it is known to be gone.
    if (current.error().code() != Code::not_found) return current.error();
    return Error(Code::unavailable, current.error().message());
  }
  if (database_ == nullptr) return Error(Code::unavailable, "the SysDb is not running");
  return Session(std::move(lock), *database_);
}

Result<SysDb::Change> SysDb::begin_change(const Context& context) {
  if (options_.read_only)
    return Error(Code::permission_denied,
                 "this data directory is opened read-only; send changes to the process that writes "
                 "it, or open it with read_only = false");
  VIRIDIAN_TRY(Session session, begin(context));
  VIRIDIAN_TRY(sql::Transaction transaction, sql::Transaction::begin(*session));
  VIRIDIAN_TRY(const rows::Changes changes, rows::read_changes(*session));
  return Change(*this, std::move(session), std::move(transaction), changes);
}

Status SysDb::Change::commit() {
  for (const CollectionId& id : collections_) {
    VIRIDIAN_TRY_VOID(rows::set_change(*session_, id, number_.latest));
    owner_->forget(id);
  }
  VIRIDIAN_TRY_VOID(rows::write_changes(*session_, number_));
  VIRIDIAN_TRY_VOID(transaction_.commit());
  owner_->catalogue_.collections_changed(collections_);
  if (number_.of_databases == number_.latest) owner_->catalogue_.databases_changed();
  owner_->follow_up(*session_, purges_);
  return ok_status();
}

void SysDb::follow_up(sql::Database& database, bool purge) {
  if (const Status written = catalogue_.write_due(database); !written.ok())
    obs::log(obs::Level::warn, "sysdb", "copies in the catalogue are behind, and tried again",
             {{"error", written.error().message()}});
  spare_room_.take();
  if (!purge && database.log_pages() < kLogPagesMax) return;
  if (const auto emptied = database.checkpoint(); !emptied.ok())
    obs::log(obs::Level::warn, "sysdb", "the write-ahead log could not be emptied",
             {{"error", emptied.error().message()}});
}

// ---- Rows in memory

SysDb::SharedCollection SysDb::cached(const CollectionId& id) {
  const std::lock_guard lock(cache_mutex_);
  const auto found = cache_.find(id);
  return found == cache_.end() ? nullptr : found->second;
}

void SysDb::remember(const Collection& collection) {
  auto shared = std::make_shared<const Collection>(collection);
  const std::lock_guard lock(cache_mutex_);
  if (cache_.size() >= kCachedMax) cache_.clear();  // refilled by what is in use
  cache_[collection.id] = std::move(shared);
}

void SysDb::forget(const CollectionId& id) {
  const std::lock_guard lock(cache_mutex_);
  cache_.erase(id);
}

void SysDb::forget_all() {
  const std::lock_guard lock(cache_mutex_);
  cache_.clear();
}

}  // namespace viridian::sqlite
