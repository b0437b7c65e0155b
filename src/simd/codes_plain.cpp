#include "simd/codes_plain.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace viridian::simd {
namespace {

template <int kBits>
void records(const CodeQuery& query, const uint8_t* const* record, size_t n, float* out) {
  const size_t bytes = query.lines * kLineBytes;
  for (size_t i = 0; i < n; ++i) {
    int32_t sum = 0;
    for (size_t plane = 0; plane * kBits < 8; ++plane) {
      for (size_t at = 0; at < bytes; ++at) {
        const int code = record[i][at] >> (plane * kBits) & ((1 << kBits) - 1);
        sum += code * query.weights[plane * bytes + at];
      }
    }
    RecordTail tail;
    std::memcpy(&tail, record[i] + bytes - sizeof tail, sizeof tail);
    const float product = static_cast<float>(sum) - query.bias;
    out[i] = tail.length - tail.scale * query.factor * product;
  }
}

void dot(const uint8_t* left, const int8_t* const* rows, size_t size, size_t n, int32_t* out) {
  for (size_t i = 0; i < n; ++i) {
    int32_t sum = 0;
    for (size_t at = 0; at < size; ++at) sum += left[at] * rows[i][at];
    out[i] = sum;
  }
}

void tile(const uint8_t* rows, size_t stride, const int8_t* packed, size_t size, size_t blocks,
          int32_t* out, size_t out_stride) {
  for (size_t block = 0; block < blocks; ++block) {
    for (size_t r = 0; r < kTileRows; ++r) {
      for (size_t c = 0; c < kTileColumns; ++c) {
        int32_t sum = 0;
        for (size_t at = 0; at < size; ++at) {
          const size_t quad = block * (size / 4) + at / 4;
          sum += rows[r * stride + at] * packed[(quad * kTileColumns + c) * 4 + at % 4];
        }
        out[r * out_stride + block * kTileColumns + c] = sum;
      }
    }
  }
}

void distances(const int32_t* products, const int32_t* biases, const float* scales,
               const float* lengths, float length, float factor, size_t n, float* out,
               float* minima) {
  std::fill_n(minima, 64, std::numeric_limits<float>::max());
  for (size_t i = 0; i < n; ++i) {
    const auto product = static_cast<float>(products[i] - biases[i]);
    out[i] = (length + lengths[i]) - factor * scales[i] * product;
    minima[i % 64] = std::min(minima[i % 64], out[i]);
  }
}

size_t below(const float* values, float bound, size_t n, uint32_t* out) {
  size_t found = 0;
  for (size_t i = 0; i < n; ++i)
    if (values[i] <= bound) out[found++] = static_cast<uint32_t>(i);
  return found;
}

void units(const UnitQuery& query, const uint8_t* unit, size_t n, float* out, float* minima) {
  for (size_t i = 0; i < n; ++i, unit += sizeof(UnitHeader) + query.groups * kLineBytes) {
    float& least = minima[i / kUnitsAtOnce];
    if (i % kUnitsAtOnce == 0) least = std::numeric_limits<float>::infinity();
    UnitHeader header;
    std::memcpy(&header, unit, sizeof header);
    for (size_t row = 0; row < kUnitRows; ++row) {
      const uint8_t* const codes = unit + sizeof header + row * 4;
      int32_t sum = 0;
      for (size_t value = 0; value < query.groups * 8; ++value) {
        const int both = codes[value / 8 * kLineBytes + value % 4];
        sum += (value % 8 < 4 ? both & 15 : both >> 4) * query.weights[value];
      }
      const float product = static_cast<float>(sum) - query.bias;
      const float estimate =
          (query.base + header.length[row]) - (header.scale[row] * query.factor) * product;
      const float error = query.residual * header.residual[row] + query.coded * header.coded[row];
      *out = estimate - error;
      least = std::min(least, *out++);
    }
  }
}

void hadamard(float* values, size_t n) { plain_hadamard_steps(values, n, n); }

}  // namespace

int32_t plain_weights(const float* values, float factor, size_t n, int8_t* out) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) {
    const float scaled = values[i] * factor;
    const auto weight = static_cast<int32_t>(scaled + std::copysign(0.5F, scaled));
    out[i] = static_cast<int8_t>(weight);
    sum += weight;
  }
  return sum;
}

void plain_hadamard_steps(float* values, size_t n, size_t end) {
  for (size_t half = 1; half < end; half *= 2) {
    for (size_t begin = 0; begin < n; begin += 2 * half) {
      for (size_t i = begin; i < begin + half; ++i) {
        const float a = values[i], b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
}

CodeKernels plain_code_kernels() {
  return {.records1 = records<1>,
          .records2 = records<2>,
          .records4 = records<4>,
          .records8 = records<8>,
          .dot = dot,
          .tile = tile,
          .distances = distances,
          .below = below,
          .units = units,
          .hadamard = hadamard,
          .weights = plain_weights};
}

}  // namespace viridian::simd
