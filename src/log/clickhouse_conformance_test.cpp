#include "conformance/clickhouse_client.h"
#include "conformance/clickhouse_server.h"
#include "conformance/log_suite.h"
#include "conformance/mem_history.h"
#include "conformance/single_leases.h"
#include "log/clickhouse_log.h"
#include "log/seal_history.h"

namespace viridian::conformance {
namespace {

/// One owner's log in a database of its own. Reopened, it is another owner's.
class ClickHouseLog final : public LogUnderTest {
 public:
  ClickHouseLog(bool seals, const clickhouse::Log::Options& options)
      : seals_(seals), options_(options) {
    reopen();
  }
  Producer& producer() override { return *log_; }
  Consumer& consumer() override { return *log_; }
  bool reopen() override {
    log_.reset();
    history_.reset();
    client_ = std::make_unique<ClickHouseClient>(settings_);
    leases_ = std::make_unique<SingleLeases>(lease_);
    if (seals_) history_ = std::make_unique<clickhouse::SealHistory>(client_->client(), *leases_);
    clickhouse::History& history = seals_ ? *history_ : static_cast<clickhouse::History&>(mem_);
    const clickhouse::Log::Parts parts{client_->client(), history, *leases_, client_->metrics()};
    log_ = std::make_unique<clickhouse::Log>(parts, options_);
    return true;
  }

 private:
  const bool seals_;
  const clickhouse::Log::Options options_;
  const Settings settings_ = ClickHouseServer::shared()->settings();
  std::shared_ptr<SharedLease> lease_ = std::make_shared<SharedLease>();
  MemHistory mem_;
  std::unique_ptr<ClickHouseClient> client_;
  std::unique_ptr<SingleLeases> leases_;
  std::unique_ptr<clickhouse::History> history_;
  std::unique_ptr<clickhouse::Log> log_;
};

LogFactory factory(std::string name, bool seals, const clickhouse::Writer::Options& writer) {
  return {std::move(name), [seals, writer] {
            return std::make_unique<ClickHouseLog>(seals, clickhouse::Log::Options{writer, {}});
          }};
}

/// Without a ClickHouse the suite has nothing to run on.
std::vector<LogFactory> factories() {
  if (!ClickHouseServer::missing().empty()) return {};
  return {factory("seals", true, {}), factory("kept_elsewhere", false, {}),
          factory("seals_tiny_blocks", true, {.group_bytes = 4096, .block_rows = 3}),
          factory("kept_elsewhere_tiny_blocks", false, {.group_bytes = 4096, .block_bytes = 200})};
}

INSTANTIATE_TEST_SUITE_P(ClickHouse, LogConformance, testing::ValuesIn(factories()), log_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LogConformance);

TEST(ClickHouseLogConformance, HasAServerToRunOn) { SKIP_WITHOUT_CLICKHOUSE(); }

}  // namespace
}  // namespace viridian::conformance
