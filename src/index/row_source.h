#pragma once
#include <cstdint>
#include <span>

#include "viridian/base/result.h"

namespace viridian::index {

/// The vectors that an index is of. Thread-safe.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual uint32_t rows() const = 0;
  virtual uint32_t dim() const = 0;
  /// dim() finite values. They live as long as this.
  virtual Result<const float*> vector(uint32_t row) const = 0;
  /// The vector's Euclidean length, as FlatScanner::norms() has it.
  virtual Result<float> norm(uint32_t row) const = 0;
  /// Says that these vectors are asked for next, one after the other: what is on a disk is then
  /// read at once.
  virtual void will_need(std::span<const uint32_t> /*rows*/) const {}
};

}  // namespace viridian::index
