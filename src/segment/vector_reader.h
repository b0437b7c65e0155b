#pragma once
#include <memory>
#include <vector>

#include "base/executor.h"
#include "index/flat.h"
#include "segment/vector_part.h"
#include "viridian/spi/segments.h"

namespace viridian::segment {

struct PinnedVectors {
  std::shared_ptr<const VectorPart> part;
  uint32_t limit = 0;
};

/// Exact search over the parts of a flat vector segment as of one applied number.
class PartsVectorReader final : public VectorReader {
 public:
  /// `parts` from oldest to newest.
  PartsVectorReader(std::vector<PinnedVectors> parts, Space space, uint32_t dim, SeqId at,
                    Executor& executor);

  Result<std::vector<std::vector<Neighbour>>> search(const Context&,
                                                     const VectorQuery&) const override;
  Status fetch(const Context&, std::span<const Offset> offsets, Matrix& out) const override;

 private:
  struct Block {
    const PinnedVectors* pinned;
    uint32_t begin, end;
  };
  struct Found {
    const float* vector;
    const float* norm;
  };
  using Results = std::vector<index::TopK>;

  std::vector<Block> blocks() const;
  Status scan_block(const Context&, const Block& block, const index::FlatScanner& scanner,
                    const OffsetSet* allowed, Results& results) const;
  Status gather_block(const Context&, std::span<const Offset> offsets,
                      const index::FlatScanner& scanner, Results& results) const;
  Result<Found> vector_of(Offset offset) const;

  std::vector<PinnedVectors> parts_;
  Space space_;
  uint32_t dim_;
  SeqId at_;
  Executor& executor_;
};

}  // namespace viridian::segment
