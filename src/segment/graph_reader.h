#pragma once
#include <vector>

#include "segment/indexed_file.h"
#include "segment/recall_sampler.h"
#include "segment/vector_reader.h"

namespace viridian::segment {

/// Search over the parts of a vector segment as of one applied number: files with an index by its
/// graph, or by reading its codes of the allowed rows where those are few; all else exactly. All
/// distances in results are exact.
class GraphVectorReader final : public PartsVectorReader {
 public:
  /// `sampler`: is shown what indexes answer; may be null.
  GraphVectorReader(std::vector<PinnedVectors> parts, Space space, uint32_t dim, SeqId at,
                    Executor& executor, std::shared_ptr<IndexMemory> memory,
                    RecallSampler* sampler);
  Result<std::vector<std::vector<Neighbour>>> search(const Context&,
                                                     const VectorQuery&) const override;
  Result<Searched> way_to(const Context&, const VectorQuery&, Offset) const override;

 private:
  struct Plan {
    std::vector<PinnedVectors> read;
    IndexMemory::Pins pins;
    std::vector<IndexedFile> indexed;
  };
  Result<Plan> plan(const Context&, const VectorQuery&) const;
  /// Of the rows, about, that are live, those that are allowed.
  double allowed_share(const VectorQuery&) const;
  /// What finds the exact answer to the i-th vector of the query.
  RecallSampler::Exact exact(const VectorQuery&, size_t i) const;

  const std::shared_ptr<IndexMemory> memory_;
  RecallSampler* const sampler_;
};

}  // namespace viridian::segment
