#include "segment/build_options.h"

#include <algorithm>
#include <thread>

#include "segment/index_memory.h"
#include "segment/merge_policy.h"

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

uint64_t most_indexed_rows(const SegmentEnvironment& environment, uint32_t dim) {
  const index::IndexOptions options = build_options(environment.space, environment.hnsw);
  const size_t threads = build_threads(environment.hnsw, std::thread::hardware_concurrency());
  const uint64_t limit = environment.index_memory->for_building();
  uint64_t low = 0, high = kMostIndexedRows;
  while (low < high) {
    const uint64_t middle = low + (high - low + 1) / 2;
    if (index::build_bytes(options, dim, threads, middle) <= limit)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

}  // namespace viridian::segment
