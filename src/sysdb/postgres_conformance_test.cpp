#include "sysdb/postgres_sysdb.h"
#include "sysdb/sysdb_pair.h"
#include "tests/conformance/postgres_server.h"
#include "tests/conformance/sysdb_suite.h"

namespace viridian {
namespace {

class PostgresHolder final : public SysDbHolder {
 public:
  PostgresHolder() {
    if (PostgresServer::shared() == nullptr) return;
    url_ = PostgresServer::shared()->new_database();
    reopen();
  }
  SysDb& db() override { return *db_; }
  void reopen() override {
    db_.reset();
    pool_ = PostgresServer::pool(url_);
    db_ = std::make_unique<postgres::SysDb>(*pool_);
  }

 private:
  std::string url_;
  std::unique_ptr<postgres::Pool> pool_;
  std::unique_ptr<postgres::SysDb> db_;
};

std::vector<SysDbMaker> makers() {
  if (!PostgresServer::missing().empty()) return {};
  return {{"postgres", [] { return std::make_unique<PostgresHolder>(); }}};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SysDbConformance);
INSTANTIATE_TEST_SUITE_P(Postgres, SysDbConformance, testing::ValuesIn(makers()),
                         [](const auto& made) { return made.param.name; });

TEST(PostgresSysDbProperty, AnswersAsMemDoes) {
  SKIP_WITHOUT_POSTGRES();
  SysDbPair::compare([] { return std::make_unique<PostgresHolder>(); }, 6, 500);
}

}  // namespace
}  // namespace viridian
