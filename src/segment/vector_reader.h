#pragma once
#include <memory>
#include <vector>

#include "base/executor.h"
#include "index/flat.h"
#include "segment/row_scan.h"
#include "segment/vector_part.h"
#include "viridian/spi/segments.h"

namespace viridian::segment {

class VectorFile;

struct PinnedVectors {
  std::shared_ptr<const VectorPart> part;
  uint32_t limit = 0;
  const VectorFile* file = nullptr;  ///< the part; null: it is a head
};

/// Exact search over the parts of a vector segment as of one applied number.
class PartsVectorReader : public VectorReader {
 public:
  /// `parts` from oldest to newest.
  PartsVectorReader(std::vector<PinnedVectors> parts, Space space, uint32_t dim, SeqId at,
                    Executor& executor);

  Result<std::vector<std::vector<Neighbour>>> search(const Context&,
                                                     const VectorQuery&) const override;
  Status fetch(const Context&, std::span<const Offset> offsets, Matrix& out) const override;

 protected:
  using Results = std::vector<index::TopK>;  ///< one per query

  Status check(const VectorQuery&) const;
  struct Reading {
    std::span<const PinnedVectors> whole;  ///< every row
    std::span<const PinnedVectors> coded;  ///< codes, where rows have them: which makes some
  };
  /// The nearest allowed rows of these parts, by reading them.
  Result<Results> read(const Context&, const VectorQuery&, const index::FlatScanner& scanner,
                       const Reading& parts) const;
  static std::vector<std::vector<Neighbour>> sorted(Results results);

  const std::vector<PinnedVectors>& parts() const noexcept { return parts_; }
  SeqId at() const noexcept { return at_; }
  Space space() const noexcept { return space_; }
  uint32_t dim() const noexcept { return dim_; }
  Executor& executor() const noexcept { return executor_; }

 private:
  /// Pieces of a search by reading, which threads share.
  struct Work {
    std::vector<RowRange> whole, coded;
  };
  struct Found {
    const float* vector;
    const float* norm;
  };

  Result<Work> divide(const Context&, const Reading& parts) const;
  /// The nearest of the allowed rows, which are few: each is looked up.
  Result<Results> read_allowed(const Context&, const VectorQuery&,
                               const index::FlatScanner& scanner) const;
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
