#include "sql/database.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <thread>

#include "base/assert.h"
#include "sql/checked_vfs.h"

namespace viridian::sql {
namespace {

constexpr size_t kIdleStatementsMax = 100;

Code code_of_errno(int number, Code otherwise) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return Code::resource_exhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::permission_denied;
    case EIO:
      return Code::data_loss;
    default:
      return otherwise;
  }
}

Code code_of(int sqlite_code, int system_errno) {
  switch (sqlite_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return Code::already_exists;
    case SQLITE_IOERR_DATA:
      return Code::data_loss;
    default:
      break;
  }
  switch (sqlite_code & 0xff) {
    case SQLITE_CONSTRAINT:
      return Code::failed_precondition;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return Code::resource_exhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::data_loss;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Code::permission_denied;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::unavailable;
    case SQLITE_TOOBIG:
      return Code::invalid_argument;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return code_of_errno(system_errno, Code::internal);
    default:
      return Code::internal;
  }
}

std::string_view advice_for(Code code) {
  switch (code) {
    case Code::resource_exhausted:
      return "; free some disk space and try again";
    case Code::data_loss:
      return "; the file is damaged: restore it from a copy";
    case Code::permission_denied:
      return "; make the file and its directory writable";
    case Code::unavailable:
      return "; another process is using the file";
    default:
      return "";
  }
}

}  // namespace

// ---- Statement

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      handle_(std::exchange(other.handle_, nullptr)),
      parameters_(other.parameters_),
      refused_(other.refused_) {}

Statement::~Statement() {
  if (handle_ != nullptr) database_->give_back(handle_);
}

void Statement::bound(int code) {
  if (code != SQLITE_OK && refused_ == 0) refused_ = code;
}

Statement& Statement::bind(int64_t value) {
  bound(sqlite3_bind_int64(handle_, ++parameters_, value));
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would bind NULL, which an empty text is not.
  const char* data = text.empty() ? "" : text.data();
  bound(sqlite3_bind_text64(handle_, ++parameters_, data, text.size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(std::span<const uint8_t> blob) {
  if (blob.empty())
    bound(sqlite3_bind_zeroblob(handle_, ++parameters_, 0));
  else
    bound(sqlite3_bind_blob64(handle_, ++parameters_, blob.data(), blob.size(), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind_null() {
  bound(sqlite3_bind_null(handle_, ++parameters_));
  return *this;
}

Result<bool> Statement::step() {
  VIRIDIAN_ASSERT(parameters_ == sqlite3_bind_parameter_count(handle_));
  const int code = refused_ != 0 ? refused_ : sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->error(code, sqlite3_sql(handle_));
}

Status Statement::run() {
  while (true) {
    VIRIDIAN_TRY(const bool row, step());
    if (!row) return ok_status();
  }
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

std::string Statement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(handle_, column);
  if (data == nullptr) return "";
  return {reinterpret_cast<const char*>(data),
          static_cast<size_t>(sqlite3_column_bytes(handle_, column))};
}

std::vector<uint8_t> Statement::blob(int column) const {
  const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(handle_, column));
  return {data, data + sqlite3_column_bytes(handle_, column)};
}

std::optional<std::string> Statement::optional_text(int column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

// ---- Database

Result<std::unique_ptr<Database>> Database::open(os::Files& files, const std::string& path,
                                                 std::chrono::milliseconds busy_timeout) {
  auto vfs = std::make_unique<CheckedVfs>(files);
  sqlite3* handle = nullptr;
  constexpr int kFlags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, kFlags, vfs->name());
  if (handle == nullptr) return Error(Code::resource_exhausted, "no memory for a connection");
  auto database = std::make_unique<Database>(handle, path, std::move(vfs));
  if ((code & 0xff) == SQLITE_CANTOPEN) return database->cannot_open();
  if (code != SQLITE_OK) return database->error(code, "open");
  // Where SQLite may not write it falls back to reading, which would only fail later.
  if (sqlite3_db_readonly(handle, "main") == 1) return database->error(SQLITE_READONLY, "open");
  int reserved = kChecksumBytes;  // of a new file; one that is there keeps what it has
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  VIRIDIAN_TRY_VOID(database->configure(busy_timeout));
  return database;
}

Database::Database(sqlite3* handle, std::string path, std::unique_ptr<CheckedVfs> vfs)
    : vfs_(std::move(vfs)), handle_(handle), path_(std::move(path)) {}

Database::~Database() {
  for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

Status Database::configure(std::chrono::milliseconds busy_timeout) {
  sqlite3_busy_timeout(handle_, static_cast<int>(busy_timeout.count()));
  VIRIDIAN_TRY_VOID(use_wal(busy_timeout));
  // Instead of SQLite's own checkpoints, whose errors would look like those of a commit.
  sqlite3_wal_hook(
      handle_,
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &log_pages_);
  // FULL: what was committed survives a power cut. secure_delete: what was deleted is gone.
  VIRIDIAN_TRY_VOID(execute(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
      "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;",
      "setting up the connection"));
  return mark_format();
}

Status Database::mark_format() {
  VIRIDIAN_TRY(Statement marked, prepare("PRAGMA application_id"));
  VIRIDIAN_TRY_VOID(marked.step());
  const auto mark = static_cast<uint32_t>(marked.integer(0));
  if (mark == kApplicationId) return ok_status();
  if (mark != 0) {
    leave_log();
    return Error(Code::failed_precondition,
                 fmt::format("{}: its application id is {:#010x}, this program's is {:#010x}: it "
                             "is of a newer version of this program, or of another one",
                             path_, mark, kApplicationId));
  }
  if (!vfs_->checks_pages()) return ok_status();
  return execute(fmt::format("PRAGMA application_id = {}", kApplicationId), "marking the format");
}

Status Database::use_wal(std::chrono::milliseconds busy_timeout) {
  // While another connection changes the journal mode SQLite answers "busy" at once, without
  // waiting for the busy timeout, so the waiting is done here.
  const auto give_up = std::chrono::steady_clock::now() + busy_timeout;
  while (true) {
    const Status status = execute("PRAGMA journal_mode = WAL;", "choosing the journal");
    if (status.ok()) break;
    if (status.error().code() != Code::unavailable || std::chrono::steady_clock::now() >= give_up)
      return status.error();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  VIRIDIAN_TRY(Statement mode, prepare("PRAGMA journal_mode"));
  VIRIDIAN_TRY(const bool row, mode.step());
  if (!row || mode.text(0) != "wal")
    return Error(Code::failed_precondition,
                 fmt::format("{}: the file system does not allow a write-ahead log here", path_));
  return ok_status();
}

Error Database::error(int code, std::string_view step) const {
  const std::optional<Error> why = vfs_ ? vfs_->take_failure(code) : std::nullopt;
  if (why) return Error(why->code(), fmt::format("{}: {}", step.substr(0, 120), why->message()));
  const Code ours = code_of(code, sqlite3_system_errno(handle_));
  const bool current = sqlite3_extended_errcode(handle_) == code;
  return Error(ours, fmt::format("{}: {}: {} (SQLite code {}){}", path_, step.substr(0, 120),
                                 current ? sqlite3_errmsg(handle_) : sqlite3_errstr(code), code,
                                 advice_for(ours)));
}

/// SQLite's own answer does not say why: it has tried other ways to open the file since.
Error Database::cannot_open() const {
  const std::optional<Error> why = vfs_->take_failure(SQLITE_CANTOPEN);
  if (why) return Error(why->code(), "the database cannot be opened: " + why->message());
  const std::string directory = std::filesystem::absolute(path_).parent_path().string();
  const bool reachable = access(directory.c_str(), W_OK | X_OK) == 0;
  const int number = reachable ? 0 : errno;
  return Error(code_of_errno(number, Code::internal),
               fmt::format("{}: the database cannot be opened ({})", path_,
                           reachable ? "is it a file?" : std::generic_category().message(number)));
}

Result<Statement> Database::prepare(std::string_view sql) {
  if (const auto found = idle_.find(sql); found != idle_.end()) {
    sqlite3_stmt* const ready = found->second;
    idle_.erase(found);
    return Statement(*this, ready);
  }
  sqlite3_stmt* made = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  if (code != SQLITE_OK) return error(code, sql);
  VIRIDIAN_ASSERT(made != nullptr);
  return Statement(*this, made);
}

void Database::give_back(sqlite3_stmt* statement) noexcept {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (idle_.size() < kIdleStatementsMax && idle_.emplace(sqlite3_sql(statement), statement).second)
    return;
  sqlite3_finalize(statement);
}

Status Database::execute(const std::string& sql, std::string_view step) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code, step);
  return ok_status();
}

Result<bool> Database::checkpoint() {
  int left = 0;
  int moved = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(handle_, "main", SQLITE_CHECKPOINT_TRUNCATE, &left, &moved);
  if ((code & 0xff) == SQLITE_BUSY) return false;
  if (code != SQLITE_OK) return error(code, "emptying the write-ahead log");
  log_pages_ = 0;
  // Pages in memory may hold remains of deleted rows that those in the file do not (clear_unused).
  sqlite3_db_release_memory(handle_);
  return true;
}

void Database::leave_log() noexcept {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

std::optional<Error> Database::broken() const { return vfs_ ? vfs_->broken() : std::nullopt; }

Status Database::check_integrity() {
  VIRIDIAN_TRY(Statement check, prepare("PRAGMA quick_check(1)"));
  VIRIDIAN_TRY(const bool row, check.step());
  if (row && check.text(0) == "ok") return ok_status();
  // SQLite gives a page that cannot be read as a finding, without saying why it cannot.
  std::optional<Error> why = vfs_ ? vfs_->take_failure(SQLITE_IOERR) : std::nullopt;
  if (why) return *std::move(why);
  return Error(Code::data_loss,
               fmt::format("{}: the file is damaged ({}): restore it from a copy", path_,
                           row ? check.text(0) : "no answer to quick_check"));
}

int64_t Database::changes() const { return sqlite3_changes64(handle_); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

// ---- Transaction

Result<Transaction> Transaction::begin(Database& database) {
  if (std::optional<Error> broken = database.broken()) return *std::move(broken);
  VIRIDIAN_TRY_VOID(database.execute("BEGIN IMMEDIATE", "begin"));
  return Transaction(database);
}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back already. A rollback that fails leaves nothing behind
  // either: the next connection does not see what was not committed.
  if (database_ != nullptr && database_->in_transaction())
    (void)database_->execute("ROLLBACK", "rollback");
}

Status Transaction::commit() {
  VIRIDIAN_TRY_VOID(database_->execute("COMMIT", "commit"));
  database_ = nullptr;
  return ok_status();
}

}  // namespace viridian::sql
