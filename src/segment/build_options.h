#pragma once
#include "index/index_builder.h"
#include "viridian/model/schema.h"

namespace viridian::segment {

/// What a collection's parameters, which are those of an HNSW index, come to for the indexes here.
/// What is unset is left to the builder.
///   max_neighbors    half of the neighbours of a row, as on the lowest level of HNSW
///   ef_construction  a tenth of the rows among which neighbours are looked for at once
index::IndexOptions build_options(Space space, const HnswParameters& parameters);

/// How many threads build: one per processor, but no more than num_threads, if that is set.
size_t build_threads(const HnswParameters& parameters, size_t processors);

}  // namespace viridian::segment
