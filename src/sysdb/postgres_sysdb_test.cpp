#include "sysdb/postgres_sysdb.h"

#include <gtest/gtest.h>

#include "tests/conformance/postgres_server.h"

namespace viridian {
namespace {

TEST(PostgresSysDb, Starts) {
  SKIP_WITHOUT_POSTGRES();
  const auto pool = PostgresServer::pool(PostgresServer::shared()->new_database());
  postgres::SysDb db(*pool);
  EXPECT_TRUE(db.get_database(Context(), {}).ok());
}

}  // namespace
}  // namespace viridian
