#include "conformance/segments_suite.h"

namespace viridian::conformance {
namespace {

INSTANTIATE_TEST_SUITE_P(All, SegmentsConformance,
                         testing::Values(SegmentsHolder::Kind::mem, SegmentsHolder::Kind::local),
                         [](const auto& made) {
                           return made.param == SegmentsHolder::Kind::mem ? "mem" : "local";
                         });

}  // namespace
}  // namespace viridian::conformance
