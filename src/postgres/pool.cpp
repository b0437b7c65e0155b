#include "postgres/pool.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "obs/metrics.h"
#include "postgres/migrations.h"
#include "viridian/base/settings.h"

namespace viridian::postgres {
namespace {

constexpr int kAttemptsMax = 12;
constexpr std::chrono::milliseconds kPauseMax{200};
constexpr std::chrono::milliseconds kWaitSlice{50};

/// Before the next attempt: longer each time, and never the same for two that ran into each other.
void pause(int attempt) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto longest = std::min(std::chrono::milliseconds(1) * (1 << attempt), kPauseMax);
  std::uniform_int_distribution<int64_t> some(0, std::chrono::microseconds(longest).count());
  std::this_thread::sleep_for(std::chrono::microseconds(some(random)));
}

/// A connection could not be had, or was lost: as opposed to what the context wanted.
bool is_loss(const Error& error) { return error.code() == Code::unavailable; }

}  // namespace

/// A connection, given back when this goes.
class Pool::Lent {
 public:
  Lent(Pool& pool, std::unique_ptr<Connection> connection)
      : pool_(&pool), connection_(std::move(connection)) {}
  Lent(Lent&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)) {}
  Lent& operator=(Lent&&) = delete;
  ~Lent() {
    if (pool_ != nullptr) pool_->give_back(std::move(connection_));
  }
  Connection& operator*() const noexcept { return *connection_; }
  Connection* operator->() const noexcept { return connection_.get(); }
  void put(std::unique_ptr<Connection> connection) { connection_ = std::move(connection); }
  bool empty() const noexcept { return connection_ == nullptr; }

 private:
  Pool* pool_;
  std::unique_ptr<Connection> connection_;
};

Result<std::unique_ptr<Pool>> Pool::create(System& system) {
  VIRIDIAN_TRY(obs::Metrics * metrics, system.require<obs::Metrics>());
  const Settings& settings = system.settings();
  VIRIDIAN_TRY(const MigrationMode mode, parse_migration_mode(settings.text("migrations")));
  return std::make_unique<Pool>(
      Options{{settings.text("postgres.url"), settings.text("postgres.password")},
              settings.unsigned_integer("postgres.connections"),
              mode},
      metrics);
}

Pool::Pool(Options options, obs::Metrics* metrics) : options_(std::move(options)) {
  if (metrics == nullptr) return;
  statements_ = &metrics->counter("viridian_postgres_calls_total",
                                  "Statements and transactions that PostgreSQL was asked for.");
  repeated_ = &metrics->counter("viridian_postgres_repeats_total",
                                "Those that were repeated after a conflict or a lost connection.");
  connects_ = &metrics->counter("viridian_postgres_connects_total",
                                "Connections to PostgreSQL that were begun.");
}

// ---- Start and stop

Status Pool::check_address() const {
  if (options_.address.url.empty())
    return Error(Code::invalid_argument,
                 "postgres.url is not set; it takes postgresql://user@host:5432/database");
  char* said = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(options_.address.url.c_str(), &said), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> owned(said, &PQfreemem);
  if (parsed == nullptr)
    return Error(Code::invalid_argument, fmt::format("postgres.url is no connection string of "
                                                     "PostgreSQL: {}",
                                                     said == nullptr ? "out of memory" : said));
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (std::string_view(option->keyword) == "password" && option->val != nullptr)
      return Error(Code::invalid_argument,
                   "postgres.url holds a password, which logs would show; put it into "
                   "postgres.password");
  }
  return ok_status();
}

Status Pool::start(const Context& context) {
  VIRIDIAN_TRY_VOID(check_address());
  {
    const std::lock_guard lock(mutex_);
    stopped_ = false;
  }
  if (options_.migrations == MigrationMode::none) return ok_status();
  return repeat(context, [&](bool& again) -> Status {
    auto lent = borrow(context);
    if (!lent.ok()) {
      again = is_loss(lent.error());
      return lent.error();
    }
    return migrate(context, **lent, embedded_migrations(), options_.migrations);
  });
}

void Pool::stop() noexcept {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  idle_.clear();
  freed_.notify_all();
}

std::vector<HealthFinding> Pool::health(const Context& context) {
  const auto answer = read(context, "SELECT 1::bigint");
  if (answer.ok()) return {};
  return {{answer.error().message(), false}};
}

// ---- Connections

Result<Pool::Lent> Pool::borrow(const Context& context) {
  VIRIDIAN_TRY_VOID(context.check());
  std::unique_lock lock(mutex_);
  while (!stopped_ && lent_ >= options_.connections) {
    VIRIDIAN_TRY_VOID(context.check());
    freed_.wait_for(lock, kWaitSlice);
  }
  if (stopped_) return Error(Code::unavailable, "the connections to PostgreSQL are closed");
  ++lent_;
  Lent lent(*this, nullptr);
  while (!idle_.empty() && lent.empty()) {
    std::unique_ptr<Connection> last = std::move(idle_.back());
    idle_.pop_back();
    if (last->idle()) lent.put(std::move(last));
  }
  lock.unlock();
  if (!lent.empty()) return lent;
  if (connects_ != nullptr) connects_->inc();
  VIRIDIAN_TRY(std::unique_ptr<Connection> opened, Connection::open(context, options_.address));
  lent.put(std::move(opened));
  return lent;
}

void Pool::give_back(std::unique_ptr<Connection> connection) noexcept {
  const bool reusable = connection != nullptr && connection->idle();
  const std::lock_guard lock(mutex_);
  --lent_;
  if (reusable && !stopped_) idle_.push_back(std::move(connection));
  freed_.notify_one();
}

// ---- Statements

Status Pool::repeat(const Context& context, const std::function<Status(bool& again)>& once) {
  if (statements_ != nullptr) statements_->inc();
  const auto begun = Context::Clock::now();
  std::optional<Error> before;
  for (int attempt = 1;; ++attempt) {
    bool again = false;
    Status done = once(again);
    // The caller is better told what went wrong than that there was no time to try it again.
    if (!done.ok() && !again && before && done.error().code() == Code::deadline_exceeded)
      return *before;
    if (done.ok() || !again || attempt == kAttemptsMax || !context.check().ok()) return done;
    if (Context::Clock::now() - begun > Connection::kSilenceMax) return done;
    before = done.error();
    if (repeated_ != nullptr) repeated_->inc();
    pause(attempt);
  }
}

Result<Rows> Pool::read(const Context& context, std::string_view sql,
                        const Parameters& parameters) {
  std::optional<Rows> rows;
  VIRIDIAN_TRY_VOID(repeat(context, [&](bool& again) -> Status {
    auto lent = borrow(context);
    auto answer = lent.ok() ? (*lent)->run(context, sql, parameters) : Result<Rows>(lent.error());
    if (answer.ok()) {
      rows = *std::move(answer);
      return ok_status();
    }
    again = is_loss(answer.error()) || answer.error().code() == Code::aborted;
    return answer.error();
  }));
  return *std::move(rows);
}

Result<Rows> Pool::change(const Context& context, std::string_view sql,
                          const Parameters& parameters) {
  std::optional<Rows> rows;
  VIRIDIAN_TRY_VOID(repeat(context, [&](bool& again) -> Status {
    auto lent = borrow(context);
    if (!lent.ok()) {
      again = is_loss(lent.error());
      return lent.error();
    }
    auto answer = (*lent)->run(context, sql, parameters);
    if (answer.ok()) {
      rows = *std::move(answer);
      return ok_status();
    }
    // Of a statement that the server refused, nothing was done; of one that it did not answer,
    // nobody knows.
    again = answer.error().code() == Code::aborted;
    return answer.error();
  }));
  return *std::move(rows);
}

Status Pool::transact(const Context& context, const Body& body) {
  return repeat(context, [&](bool& again) { return attempt(context, body, again); });
}

Status Pool::attempt(const Context& context, const Body& body, bool& again) {
  auto lent = borrow(context);
  if (!lent.ok()) {
    again = is_loss(lent.error());
    return lent.error();
  }
  Connection& connection = **lent;
  Status done = connection.execute(context, "BEGIN");
  if (done.ok()) done = body(connection);
  if (!done.ok()) {
    again = connection.lost() ? is_loss(done.error()) : connection.conflicted();
    // Without an answer to this the connection is not used again, and the server rolls back.
    if (!connection.lost()) (void)connection.execute(Context::with_timeout(kPauseMax), "ROLLBACK");
    return done;
  }
  done = connection.commit(context);
  if (done.ok() || !connection.lost()) {
    again = !done.ok() && connection.conflicted();
    return done;
  }
  return Error(Code::unavailable,
               fmt::format("the connection to PostgreSQL was lost during a commit, and it is not "
                           "known whether the change was made: {}",
                           done.error().message()));
}

}  // namespace viridian::postgres
