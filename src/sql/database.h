#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/files.h"
#include "viridian/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

/// SQLite as values and Results. Every message says what was being run, SQLite's own words, and the
/// file. Codes:
///   already_exists       a UNIQUE or PRIMARY KEY constraint
///   failed_precondition  any other constraint
///   resource_exhausted   the disk is full
///   data_loss            the file is damaged, or is no database
///   permission_denied    the file or its directory cannot be written
///   unavailable          another connection held the database longer than the busy timeout
///   internal             anything else
/// Under os::Files the codes are those of os::Files.
namespace viridian::sql {

class CheckedVfs;
class Database;

/// A prepared statement, lent from its Database's cache. Must not outlive the Database.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  /// Values for the parameters, in order. A value that SQLite refuses is reported by step().
  Statement& bind(int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind(std::span<const uint8_t> blob);
  Statement& bind_null();
  template <class T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind_null();
  }

  /// True: a row is there. False: no more rows.
  Result<bool> step();
  /// Steps to the end.
  Status run();

  /// Columns of the current row, from 0.
  bool is_null(int column) const;
  int64_t integer(int column) const;
  std::string text(int column) const;
  std::vector<uint8_t> blob(int column) const;
  std::optional<std::string> optional_text(int column) const;

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* handle) : database_(&database), handle_(handle) {}
  void bound(int code);

  Database* database_;
  sqlite3_stmt* handle_;
  int parameters_ = 0;
  int refused_ = 0;  // the first error code of a bind; 0: none
};

/// One connection: WAL journal, synchronous=FULL, foreign keys checked, deleted content
/// overwritten, pages with checksums (page_checksum.h). For one thread at a time.
///
/// A failed sync ends all writing through this connection: see broken().
class Database {
 public:
  static constexpr std::chrono::milliseconds kBusyTimeout{10'000};

  /// Opens the file, making it if need be (but not its directory). A file without checksums stays
  /// so (upgrade.h).
  static Result<std::unique_ptr<Database>> open(
      os::Files& files, const std::string& path,
      std::chrono::milliseconds busy_timeout = kBusyTimeout);
  /// Takes over an open connection as it is; open() is the usual way. `vfs`: what it goes through.
  Database(sqlite3* handle, std::string path, std::unique_ptr<CheckedVfs> vfs);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// The statement, prepared once and then kept.
  Result<Statement> prepare(std::string_view sql);
  /// Runs any number of statements that give no rows. `step` is what a message calls them.
  Status execute(const std::string& sql, std::string_view step);
  /// Moves what the write-ahead log holds into the file and empties the log. False: another
  /// connection was reading it; nothing is lost, and it can be tried again.
  Result<bool> checkpoint();
  /// Pages in the write-ahead log after the latest commit of this connection.
  int log_pages() const noexcept { return log_pages_; }
  /// Set after a failed sync: data_loss, with what happened. What was committed before is safe,
  /// the commit that failed may be found after the file is opened again, and nothing can be
  /// committed before that.
  std::optional<Error> broken() const;
  /// Closing will leave the write-ahead log where it is, so that the files stay as they were found.
  void leave_log() noexcept;
  /// Reads every page. data_loss: one of them is damaged.
  Status check_integrity();

  /// Rows that the last insert, update or delete changed.
  int64_t changes() const;
  bool in_transaction() const;
  const std::string& path() const noexcept { return path_; }

 private:
  friend class Statement;
  Status configure(std::chrono::milliseconds busy_timeout);
  Status mark_format();
  Status use_wal(std::chrono::milliseconds busy_timeout);
  Error error(int code, std::string_view step) const;
  Error cannot_open() const;
  void give_back(sqlite3_stmt* statement) noexcept;

  std::unique_ptr<CheckedVfs> vfs_;  // null where SQLite uses its own
  sqlite3* handle_;
  const std::string path_;
  int log_pages_ = 0;
  std::map<std::string, sqlite3_stmt*, std::less<>> idle_;
};

/// BEGIN IMMEDIATE; rolled back unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// Durable when ok. On an error nothing was changed.
  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null once it is over
};

}  // namespace viridian::sql
