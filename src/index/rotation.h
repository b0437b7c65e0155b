#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace viridian::index {

/// A random rotation: it spreads what a vector holds evenly over its values and keeps all
/// distances, so that all values can be coded alike. Made of random signs and Hadamard transforms
/// of the first and the last values in turn, as in "Fast Dimension Reduction Using Rademacher
/// Series on Dual BCH Codes" (Ailon, Liberty 2009): O(dim log dim), the same bits on every machine.
/// Immutable, so thread-safe.
class Rotation {
 public:
  /// The same for the same dimension and seed, always.
  Rotation(uint32_t dim, uint64_t seed);
  uint32_t dim() const noexcept { return dim_; }
  /// `vector` has dim() values.
  void apply(float* vector) const;

 private:
  uint32_t dim_;
  uint32_t part_;  ///< how many values one transform takes: the largest power of two up to dim
  std::vector<float> signs_;  ///< dim for each round; scaled where its transform works
};

}  // namespace viridian::index
