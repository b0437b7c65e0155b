#include "segment/build_options.h"

#include <algorithm>

namespace viridian::segment {
namespace {

uint32_t times(uint32_t factor, uint64_t value, uint32_t least, uint32_t most) {
  return static_cast<uint32_t>(
      std::clamp<uint64_t>(factor * std::min<uint64_t>(value, most), least, most));
}

}  // namespace

index::IndexOptions build_options(Space space, const HnswParameters& parameters) {
  index::IndexOptions options;
  options.space = space;
  if (parameters.max_neighbors) options.degree = times(2, *parameters.max_neighbors, 16, 96);
  if (parameters.ef_construction) options.leaf = times(10, *parameters.ef_construction, 200, 4000);
  return options;
}

size_t build_threads(const HnswParameters& parameters, size_t processors) {
  const uint64_t most = std::max<uint64_t>(1, parameters.num_threads.value_or(processors));
  return std::clamp<size_t>(processors, 1, most);
}

}  // namespace viridian::segment
