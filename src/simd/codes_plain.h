#pragma once
#include "simd/codes.h"

namespace viridian::simd {

/// The kernels written as plainly as they go: for machines without vector instructions.
CodeKernels plain_code_kernels();

}  // namespace viridian::simd
