#pragma once
#include <vector>

#include "segment/indexed_file.h"
#include "segment/recall_sampler.h"
#include "segment/vector_reader.h"

namespace viridian::segment {

/// Search over the parts of a vector segment as of one applied number: files with an index by its
/// graph, or by reading its codes of the allowed rows where those are few; all else exactly, with
/// codes that rule most rows out, as far as there is room for them. All distances in results are
/// exact.
class GraphVectorReader final : public PartsVectorReader {
 public:
  /// `sampler`: is shown what indexes answer; may be null.
  GraphVectorReader(std::vector<PinnedVectors> parts, Space space, uint32_t dim, SeqId at,
                    Executor& executor, std::shared_ptr<IndexMemory> memory,
                    RecallSampler* sampler);
  Result<std::vector<std::vector<Neighbour>>> search(const Context&,
                                                     const VectorQuery&) const override;
  /// The same with this plan for files that not all rows of are allowed: for tests and
  /// measurements.
  Result<std::vector<std::vector<Neighbour>>> search_by(const Context&, const VectorQuery&,
                                                        std::optional<SearchPlan> by) const;
  Result<Searched> way_to(const Context&, const VectorQuery&, Offset) const override;

 private:
  struct Plan {
    std::vector<PinnedVectors> whole, coded;  ///< to be read
    IndexMemory::Pins pins;
    std::vector<IndexedFile> indexed;
  };
  Result<Plan> plan(const Context&, const VectorQuery&, std::optional<SearchPlan> by) const;
  /// Searches the plan's indexes. Returns which queries one of them could tell nothing about.
  Result<std::vector<size_t>> search_indexed(const Context&, const VectorQuery&, const Plan&,
                                             Results& results) const;
  /// Reads everything for these queries instead.
  Status answer_exactly(const Context&, const VectorQuery&, std::span<const size_t> which,
                        std::vector<std::vector<Neighbour>>& answers) const;
  /// Its file does not know the space.
  Status check_space(const VectorFile& file, const FileIndex& index) const;
  /// What finds the exact answer to the i-th vector of the query.
  RecallSampler::Exact exact(const VectorQuery&, size_t i) const;

  const std::shared_ptr<IndexMemory> memory_;
  RecallSampler* const sampler_;
};

}  // namespace viridian::segment
