#include "sysdb/sysdb_pair.h"
#include "sysdb/test_holders.h"

namespace viridian {
namespace {

TEST(SysDbProperty, SqliteAnswersAsMemDoes) {
  // Without syncs, hence quick.
  SysDbPair::compare([] { return std::make_unique<SqliteHolder>(/*through_files=*/true); }, 8, 600);
}

}  // namespace
}  // namespace viridian
