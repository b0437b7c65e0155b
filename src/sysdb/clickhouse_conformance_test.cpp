#include "clickhouse/test_client.h"
#include "sysdb/clickhouse_sysdb.h"
#include "sysdb/sysdb_pair.h"
#include "tests/conformance/clickhouse_server.h"
#include "tests/conformance/sysdb_suite.h"

namespace viridian {
namespace {

class ClickHouseHolder final : public SysDbHolder {
 public:
  explicit ClickHouseHolder(uint64_t snapshot_every) : snapshot_every_(snapshot_every) {
    if (ClickHouseServer::shared() == nullptr) return;
    client_ = clickhouse::TestClient::start(ClickHouseServer::shared()->settings());
    reopen();
  }
  ~ClickHouseHolder() override {
    if (client_) (void)client_->execute(Context(), {}, "DROP DATABASE " + client_->database());
  }
  SysDb& db() override { return *db_; }
  void reopen() override {
    db_ = std::make_unique<clickhouse::SysDb>(*client_, nullptr,
                                              clickhouse::SysDb::Options{snapshot_every_});
    const Status started = db_->start(Context());
    if (!started.ok()) ADD_FAILURE() << started.error().message();
  }

 private:
  const uint64_t snapshot_every_;
  clickhouse::TestClient client_;
  std::unique_ptr<clickhouse::SysDb> db_;
};

SysDbMaker maker(const std::string& name, uint64_t snapshot_every) {
  return {name, [=] { return std::make_unique<ClickHouseHolder>(snapshot_every); }};
}

std::vector<SysDbMaker> makers() {
  if (!ClickHouseServer::missing().empty()) return {};
  return {maker("clickhouse", 1000), maker("clickhouse_with_snapshots", 3)};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SysDbConformance);
INSTANTIATE_TEST_SUITE_P(ClickHouse, SysDbConformance, testing::ValuesIn(makers()),
                         [](const auto& made) { return made.param.name; });

TEST(ClickHouseSysDbProperty, AnswersAsMemDoes) {
  SKIP_WITHOUT_CLICKHOUSE();
  SysDbPair::compare([] { return std::make_unique<ClickHouseHolder>(50); }, 3, 400);
}

}  // namespace
}  // namespace viridian
