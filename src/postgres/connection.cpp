#include "postgres/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "postgres/sqlstate.h"

namespace viridian::postgres {
namespace {

constexpr std::chrono::milliseconds kCancelPoll{50};  // how often a context is asked in a wait
constexpr size_t kNamedMax = 200;                     // bytes of a statement that a message shows

// What a session needs, where the server knows it. Whoever goes away without a word (a cut
// connection, a frozen process) must not hold up others with its locks.
constexpr const char* kConfigure =
    "SELECT set_config(name, CASE name"
    " WHEN 'client_connection_check_interval' THEN '1s'"
    " WHEN 'idle_in_transaction_session_timeout' THEN '10s'"
    " WHEN 'synchronous_commit' THEN CASE setting WHEN 'off' THEN 'on' ELSE setting END"
    " WHEN 'default_transaction_isolation' THEN 'read committed' END, false)"
    " FROM pg_settings WHERE name IN ('client_connection_check_interval',"
    " 'idle_in_transaction_session_timeout', 'synchronous_commit',"
    " 'default_transaction_isolation')";

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string shown(std::string_view sql) {
  return sql.size() <= kNamedMax ? std::string(sql) : std::string(sql.substr(0, kNamedMax)) + "...";
}

Error error_of(const PGresult* result, std::string_view sql) {
  const auto field = [result](int code) {
    const char* text = PQresultErrorField(result, code);
    return std::string(text == nullptr ? "" : text);
  };
  const std::string state = field(PG_DIAG_SQLSTATE);
  const std::string primary = field(PG_DIAG_MESSAGE_PRIMARY);
  return Error(code_of_sqlstate(state),
               fmt::format("PostgreSQL: {} (SQLSTATE {}), at: {}",
                           primary.empty() ? trimmed(PQresultErrorMessage(result)) : primary, state,
                           shown(sql)));
}

}  // namespace

/// Waits for the socket as long as context and silence allow.
class Connection::Wait {
 public:
  explicit Wait(const Context& context) : context_(context) {}

  Status until(pg_conn* handle, short events) {
    while (true) {
      VIRIDIAN_TRY_VOID(context_.check());
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(limit_ - Context::Clock::now());
      if (left.count() <= 0)
        return Error(Code::unavailable,
                     fmt::format("PostgreSQL has said nothing for {} s", kSilenceMax.count()));
      pollfd socket{PQsocket(handle), events, 0};
      const int ready = ::poll(&socket, 1, static_cast<int>(std::min(left, slice()).count()));
      if (ready > 0) return ok_status();
      if (ready < 0 && errno != EINTR)
        return Error(Code::internal, fmt::format("poll: error {}", errno));
    }
  }

 private:
  std::chrono::milliseconds slice() const {
    if (!context_.deadline()) return kCancelPoll;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*context_.deadline() - Context::Clock::now());
    return std::clamp(left, std::chrono::milliseconds(0), kCancelPoll);
  }
  const Context& context_;
  const Context::Clock::time_point limit_ = Context::Clock::now() + kSilenceMax;
};

void Connection::Finish::operator()(pg_conn* connection) const noexcept { PQfinish(connection); }

// ---- Connecting

Result<std::unique_ptr<Connection>> Connection::open(const Context& context,
                                                     const Address& address) {
  VIRIDIAN_TRY_VOID(context.check());
  const std::vector<std::pair<const char*, const char*>> parameters = {
      {"target_session_attrs", "read-write"},
      {"application_name", "viridian"},
      {"keepalives_idle", "5"},
      {"keepalives_interval", "2"},
      {"keepalives_count", "3"},
      {"dbname", address.url.c_str()},  // what it says wins over what is above
      {"client_encoding", "UTF8"}};
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parameters) {
    keys.push_back(key);
    values.push_back(value);
  }
  if (!address.password.empty()) {
    keys.push_back("password");
    values.push_back(address.password.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  auto made = std::make_unique<Connection>(
      PQconnectStartParams(keys.data(), values.data(), /*expand_dbname=*/1));
  VIRIDIAN_TRY_VOID(made->connect(context));
  VIRIDIAN_TRY_VOID(made->configure(context));
  return made;
}

Status Connection::connect(const Context& context) {
  pg_conn* const handle = handle_.get();
  if (handle == nullptr || PQstatus(handle) == CONNECTION_BAD) return unreachable();
  PQsetNoticeReceiver(
      handle, [](void*, const PGresult*) {}, nullptr);  // else they go to standard error
  Wait wait(context);
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;
       next = PQconnectPoll(handle)) {
    if (next == PGRES_POLLING_FAILED) return unreachable();
    VIRIDIAN_TRY_VOID(wait.until(handle, next == PGRES_POLLING_READING ? POLLIN : POLLOUT));
  }
  PQsetnonblocking(handle, 1);
  return ok_status();
}

Status Connection::configure(const Context& context) {
  VIRIDIAN_TRY_VOID(run(context, kConfigure));
  return ok_status();
}

Error Connection::unreachable() const {
  const std::string said =
      trimmed(handle_ == nullptr ? "out of memory" : PQerrorMessage(handle_.get()));
  return Error(Code::unavailable, fmt::format("PostgreSQL cannot be reached: {}", said));
}

bool Connection::lost() const noexcept {
  return handle_ == nullptr || PQstatus(handle_.get()) == CONNECTION_BAD;
}

bool Connection::idle() const noexcept {
  if (lost() || PQtransactionStatus(handle_.get()) != PQTRANS_IDLE) return false;
  pollfd socket{PQsocket(handle_.get()), POLLIN, 0};
  if (::poll(&socket, 1, 0) == 0) return true;
  // A server that closes a connection says so first, or its end of the socket is closed.
  return PQconsumeInput(handle_.get()) == 1 && PQstatus(handle_.get()) == CONNECTION_OK;
}

Error Connection::give_up(Error error) noexcept {
  handle_.reset();
  return error;
}

// ---- Statements

Result<Rows> Connection::run(const Context& context, std::string_view sql,
                             const Parameters& parameters) {
  VIRIDIAN_TRY_VOID(context.check());
  if (lost()) return Error(Code::unavailable, "the connection to PostgreSQL is lost");
  auto known = prepared_.find(sql);
  if (known == prepared_.end()) {
    const std::string name = fmt::format("s{}", prepared_.size());
    VIRIDIAN_TRY_VOID(prepare(context, sql, parameters, name));
    known = prepared_.emplace(sql, name).first;
  }
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const Parameters::Value& value : parameters.values()) {
    values.push_back(value.null ? nullptr : value.bytes.data());
    lengths.push_back(static_cast<int>(value.bytes.size()));
    formats.push_back(1);
  }
  if (PQsendQueryPrepared(handle_.get(), known->second.c_str(), static_cast<int>(values.size()),
                          values.data(), lengths.data(), formats.data(), /*resultFormat=*/1) != 1)
    return give_up(unreachable());
  return receive(context, sql);
}

Status Connection::prepare(const Context& context, std::string_view sql,
                           const Parameters& parameters, const std::string& name) {
  std::vector<Oid> types;
  for (const Parameters::Value& value : parameters.values()) types.push_back(value.type);
  if (PQsendPrepare(handle_.get(), name.c_str(), std::string(sql).c_str(),
                    static_cast<int>(types.size()), types.data()) != 1)
    return give_up(unreachable());
  VIRIDIAN_TRY_VOID(receive(context, sql));
  return ok_status();
}

Status Connection::execute(const Context& context, const std::string& sql) {
  VIRIDIAN_TRY_VOID(context.check());
  if (lost()) return Error(Code::unavailable, "the connection to PostgreSQL is lost");
  if (PQsendQuery(handle_.get(), sql.c_str()) != 1) return give_up(unreachable());
  VIRIDIAN_TRY_VOID(receive(context, sql));
  return ok_status();
}

Status Connection::commit(const Context& context) {
  // A transaction in which a statement failed is rolled back by COMMIT, without an error.
  if (!lost() && PQtransactionStatus(handle_.get()) != PQTRANS_INTRANS)
    return Error(Code::internal, "a transaction in which a statement failed cannot be committed");
  return execute(context, "COMMIT");
}

Status Connection::flush(Wait& wait) {
  while (true) {
    const int unsent = PQflush(handle_.get());
    if (unsent == 0) return ok_status();
    if (unsent < 0) return unreachable();
    VIRIDIAN_TRY_VOID(wait.until(handle_.get(), POLLIN | POLLOUT));
    if (PQconsumeInput(handle_.get()) != 1) return unreachable();
  }
}

Result<Rows> Connection::receive(const Context& context, std::string_view sql) {
  Wait wait(context);
  if (Status sent = flush(wait); !sent.ok()) return give_up(std::move(sent).error());
  std::optional<Rows> rows;
  std::optional<Error> error;
  conflicted_ = false;
  while (true) {
    while (PQisBusy(handle_.get()) == 1) {
      if (Status waited = wait.until(handle_.get(), POLLIN); !waited.ok())
        return give_up(std::move(waited).error());
      if (PQconsumeInput(handle_.get()) != 1) return give_up(unreachable());
    }
    PGresult* const result = PQgetResult(handle_.get());
    if (result == nullptr) break;
    rows.emplace(result);
    const ExecStatusType status = PQresultStatus(result);
    if (error || status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) continue;
    error = error_of(result, sql);
    conflicted_ = error->code() == Code::aborted || error->code() == Code::already_exists;
  }
  if (PQstatus(handle_.get()) == CONNECTION_BAD) return give_up(unreachable());
  if (error) return *error;
  if (!rows) return give_up(Error(Code::internal, "PostgreSQL gave no answer"));
  return *std::move(rows);
}

}  // namespace viridian::postgres
