#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "postgres/values.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"

struct pg_conn;

namespace viridian::postgres {

struct Address {
  std::string url;  ///< a connection string of libpq, without a password
  std::string password;
};

/// One connection. Nothing waits longer than the context allows, nor longer than kSilenceMax; what
/// is given up takes the connection with it, since its answer may yet come. For one thread at a
/// time.
///
/// Every message says what PostgreSQL said, its SQLSTATE, and what was being run. Codes:
///   already_exists       a unique constraint
///   failed_precondition  any other constraint, a table that is missing
///   aborted              a conflict with another transaction: to be done again from its beginning
///   unavailable          no connection, or it was lost: the statement may have been done
///   deadline_exceeded, cancelled  as the context says: the statement may have been done
///   resource_exhausted   the server's disk or memory is full
///   permission_denied    the server does not let this user in, or do this
///   data_loss            the server found its files damaged
///   internal             anything else
class Connection {
 public:
  static constexpr std::chrono::seconds kSilenceMax{30};

  explicit Connection(pg_conn* handle) : handle_(handle) {}  ///< owns it; open() is the usual way
  /// To a server that takes writes, where the address names several.
  static Result<std::unique_ptr<Connection>> open(const Context&, const Address& address);

  /// Runs one statement, prepared once and then kept.
  Result<Rows> run(const Context&, std::string_view sql, const Parameters& parameters = {});
  /// Runs any number of statements that give no rows, in one transaction if they begin none.
  Status execute(const Context&, const std::string& sql);

  /// Ends the transaction. An error while the connection is not lost: nothing was changed.
  Status commit(const Context&);

  /// The last statement failed because of another transaction, which may have been seen too late:
  /// a conflict, a deadlock or a unique constraint. To be done again from the beginning.
  bool conflicted() const noexcept { return conflicted_; }
  /// No statement can be run any more.
  bool lost() const noexcept;
  /// Nothing is under way, and no transaction: another one may use it. Asks no server, but notices
  /// where that one has closed the connection.
  bool idle() const noexcept;

 private:
  struct Finish {
    void operator()(pg_conn* connection) const noexcept;
  };
  class Wait;
  Status connect(const Context&);
  Status configure(const Context&);
  Status prepare(const Context&, std::string_view sql, const Parameters&, const std::string& name);
  Status flush(Wait& wait);
  Result<Rows> receive(const Context&, std::string_view sql);
  Error unreachable() const;
  Error give_up(Error error) noexcept;

  std::unique_ptr<pg_conn, Finish> handle_;                   // null once it was given up
  std::map<std::string, std::string, std::less<>> prepared_;  // names by text
  bool conflicted_ = false;
};

}  // namespace viridian::postgres
