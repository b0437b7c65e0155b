#include "conformance/segments_suite.h"

namespace viridian::conformance {
namespace {

INSTANTIATE_TEST_SUITE_P(All, SegmentsConformance, testing::ValuesIn(SegmentsHolder::kinds()),
                         [](const auto& made) { return SegmentsHolder::name_of(made.param); });

TEST(SegmentsOnClickHouse, HaveAServer) { SKIP_WITHOUT_CLICKHOUSE(); }

}  // namespace
}  // namespace viridian::conformance
