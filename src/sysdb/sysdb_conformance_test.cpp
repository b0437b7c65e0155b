#include "tests/conformance/sysdb_suite.h"

#include "sysdb/test_holders.h"

namespace viridian {
namespace {

INSTANTIATE_TEST_SUITE_P(
    All, SysDbConformance,
    testing::Values(SysDbMaker{"mem", [] { return std::make_unique<MemHolder>(); }},
                    SysDbMaker{"sqlite", [] { return std::make_unique<SqliteHolder>(); }},
                    SysDbMaker{"sqlite_through_files",
                               [] { return std::make_unique<SqliteHolder>(true); }}),
    [](const auto& made) { return made.param.name; });

}  // namespace
}  // namespace viridian
