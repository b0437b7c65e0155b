#pragma once
#include "simd/codes.h"

namespace viridian::simd {

/// The kernels written as plainly as they go: for machines without vector instructions.
CodeKernels plain_code_kernels();

/// The steps of a Hadamard transform of n values between those less than `end` apart.
int32_t plain_weights(const float* values, float factor, size_t n, int8_t* out);
void plain_hadamard_steps(float* values, size_t n, size_t end);

}  // namespace viridian::simd
