#pragma once
#include <vector>

#include "segment/indexed_file.h"
#include "segment/vector_reader.h"

namespace viridian::segment {

/// Search over the parts of a vector segment as of one applied number: files with an index by its
/// graph, or by reading its codes of the allowed rows where those are few; all else exactly. All
/// distances in results are exact.
class GraphVectorReader final : public PartsVectorReader {
 public:
  using PartsVectorReader::PartsVectorReader;
  Result<std::vector<std::vector<Neighbour>>> search(const Context&,
                                                     const VectorQuery&) const override;
  Result<Searched> way_to(const Context&, const VectorQuery&, Offset) const override;

 private:
  struct Plan {
    std::vector<PinnedVectors> read;
    std::vector<IndexedFile> indexed;
  };
  Result<Plan> plan(const VectorQuery&) const;
};

}  // namespace viridian::segment
