#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "component/migration_history.h"
#include "postgres/connection.h"
#include "viridian/spi/component.h"
#include "viridian/spi/health.h"

namespace viridian::obs {
class Counter;
class Metrics;
}  // namespace viridian::obs

namespace viridian::postgres {

/// Connections to one PostgreSQL database, made as they are needed. start() brings the tables up to
/// date. Codes are those of Connection; a transaction that loses against another one is done again,
/// and so is whatever was certainly not done because a connection was lost. Thread-safe.
class Pool final : public Component, public HealthSource {
 public:
  static constexpr std::string_view kSetting = "postgres";

  struct Options {
    Address address;
    size_t connections = 8;
    MigrationMode migrations = MigrationMode::apply;
  };
  static Result<std::unique_ptr<Pool>> create(System& system);
  explicit Pool(Options options, obs::Metrics* metrics = nullptr);

  ///   invalid_argument     the address is not one of libpq's, or has a password in it
  ///   failed_precondition  the tables are not those of this program
  Status start(const Context&) override;
  void stop() noexcept override;
  std::vector<HealthFinding> health(const Context&) override;

  const Options& options() const noexcept { return options_; }

  /// One statement that changes nothing.
  Result<Rows> read(const Context&, std::string_view sql, const Parameters& parameters = {});
  /// One statement that changes something, durable on return.
  ///   unavailable, deadline_exceeded, cancelled  it may have been done, or may yet be
  Result<Rows> change(const Context&, std::string_view sql, const Parameters& parameters = {});

  using Body = std::function<Status(Connection&)>;
  /// Runs `body` in a transaction (read committed: what has to stay as it was read is to be locked)
  /// and commits if it answers ok; otherwise nothing is changed. `body` may run several times: it
  /// runs again after a conflict, a broken unique constraint among them: what it looked for first
  /// may have come to be meanwhile.
  ///   unavailable  the connection was lost during the commit: it may have been done
  Status transact(const Context&, const Body& body);

 private:
  class Lent;
  Result<Lent> borrow(const Context&);
  void give_back(std::unique_ptr<Connection> connection) noexcept;
  Status attempt(const Context&, const Body& body, bool& again);
  /// Until `once` says that it need not be done again, or often enough.
  Status repeat(const Context&, const std::function<Status(bool& again)>& once);
  Status check_address() const;

  const Options options_;
  obs::Counter* statements_ = nullptr;  // null without metrics, as all of them
  obs::Counter* repeated_ = nullptr;
  obs::Counter* connects_ = nullptr;

  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
  size_t lent_ = 0;                                // guarded by mutex_
  bool stopped_ = false;                           // guarded by mutex_
};

}  // namespace viridian::postgres
