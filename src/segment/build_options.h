#pragma once
#include "index/index_builder.h"
#include "viridian/model/schema.h"
#include "viridian/spi/segment_types.h"

namespace viridian::segment {

/// What a collection's parameters, which are those of an HNSW index, come to for the indexes here.
/// What is unset is left to the builder.
///   max_neighbors    half of the neighbours of a row, as on the lowest level of HNSW
///   ef_construction  a tenth of the rows among which neighbours are looked for at once
index::IndexOptions build_options(Space space, const HnswParameters& parameters);

/// How many threads build: one per processor, but no more than num_threads, if that is set.
size_t build_threads(const HnswParameters& parameters, size_t processors);

/// Of how many vectors an index can be built within the memory that there is for that, and that the
/// format allows; less than environment.indexed_rows: none is built.
uint64_t most_indexed_rows(const SegmentEnvironment& environment, uint32_t dim);

}  // namespace viridian::segment
