#include "conformance/api_suite.h"
#include "engine/test_system.h"

namespace viridian::conformance {

VIRIDIAN_INSTANTIATE_API_SUITE(Engine, mem_factory(), mem_factory(true), local_factory(),
                               local_factory(true));
VIRIDIAN_INSTANTIATE_API_SNAPSHOT_SUITE(Engine, local_factory());

}  // namespace viridian::conformance
