#include "conformance/clickhouse_client.h"
#include "conformance/clickhouse_server.h"
#include "conformance/log_suite.h"
#include "conformance/mem_history.h"
#include "conformance/postgres_server.h"
#include "conformance/single_leases.h"
#include "log/clickhouse_log.h"
#include "log/postgres_history.h"
#include "log/seal_history.h"

namespace viridian::conformance {
namespace {

/// Where it is kept which records count.
enum class Kept { in_seals, in_memory, in_postgres };

/// One owner's log in a database of its own. Reopened, it is another owner's.
class ClickHouseLog final : public LogUnderTest {
 public:
  ClickHouseLog(Kept kept, const clickhouse::Log::Options& options)
      : kept_(kept), options_(options) {
    if (kept_ == Kept::in_postgres) url_ = PostgresServer::shared()->new_database();
    reopen();
  }
  Producer& producer() override { return *log_; }
  Consumer& consumer() override { return *log_; }
  bool reopen() override {
    log_.reset();
    history_.reset();
    client_ = std::make_unique<ClickHouseClient>(settings_);
    leases_ = std::make_unique<SingleLeases>(lease_);
    if (kept_ == Kept::in_seals)
      history_ = std::make_unique<clickhouse::SealHistory>(client_->client(), *leases_);
    if (kept_ == Kept::in_postgres) {
      pool_ = PostgresServer::pool(url_);
      history_ = std::make_unique<postgres::History>(*pool_);
    }
    clickhouse::History& history =
        history_ != nullptr ? *history_ : static_cast<clickhouse::History&>(mem_);
    const clickhouse::Log::Parts parts{client_->client(), history, *leases_, client_->metrics()};
    log_ = std::make_unique<clickhouse::Log>(parts, options_);
    return true;
  }

 private:
  const Kept kept_;
  const clickhouse::Log::Options options_;
  const Settings settings_ = ClickHouseServer::shared()->settings();
  std::shared_ptr<SharedLease> lease_ = std::make_shared<SharedLease>();
  MemHistory mem_;
  std::string url_;  // of PostgreSQL's database
  std::unique_ptr<postgres::Pool> pool_;
  std::unique_ptr<ClickHouseClient> client_;
  std::unique_ptr<SingleLeases> leases_;
  std::unique_ptr<clickhouse::History> history_;
  std::unique_ptr<clickhouse::Log> log_;
};

LogFactory factory(std::string name, Kept kept, const clickhouse::Writer::Options& writer) {
  return {std::move(name), [kept, writer] {
            return std::make_unique<ClickHouseLog>(kept, clickhouse::Log::Options{writer, {}});
          }};
}

/// Without a ClickHouse the suite has nothing to run on.
std::vector<LogFactory> factories() {
  if (!ClickHouseServer::missing().empty()) return {};
  std::vector<LogFactory> all = {
      factory("seals", Kept::in_seals, {}), factory("kept_elsewhere", Kept::in_memory, {}),
      factory("seals_tiny_blocks", Kept::in_seals, {.group_bytes = 4096, .block_rows = 3}),
      factory("kept_elsewhere_tiny_blocks", Kept::in_memory,
              {.group_bytes = 4096, .block_bytes = 200})};
  if (PostgresServer::missing().empty()) all.push_back(factory("postgres", Kept::in_postgres, {}));
  return all;
}

INSTANTIATE_TEST_SUITE_P(ClickHouse, LogConformance, testing::ValuesIn(factories()), log_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LogConformance);

TEST(ClickHouseLogConformance, HasAServerToRunOn) { SKIP_WITHOUT_CLICKHOUSE(); }

}  // namespace
}  // namespace viridian::conformance
