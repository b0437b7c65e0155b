#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "index/bounds.h"
#include "index/flat.h"
#include "segment/row_scan.h"
#include "viridian/base/context.h"

namespace viridian::segment {

/// Exact search among rows that have codes, most of which the codes rule out: a row is left out
/// only if its distance is certainly greater than that of k others. One thread at a time.
class CodedSearch {
 public:
  /// The rows of a piece, at most; it begins at a multiple of them.
  static constexpr uint32_t kPieceRows = 4096;

  /// `pieces` outlive this, and lie within their parts' coded rows, those of a part end to end.
  CodedSearch(Space space, uint32_t dim, const WantedRows& wanted,
              std::span<const RowRange> pieces);

  /// Offers to results[q] all wanted rows that may be among query q's nearest.
  Status search(const Context& context, const Matrix& queries, std::span<index::TopK> results);

 private:
  /// One of the queries that are looked at together, while a piece's codes are at hand.
  struct Query {
    const float* vector = nullptr;
    index::TopK* result = nullptr;
    std::optional<index::BoundQuery> bounds_of_part;
    bool known = false;  ///< of the part: bounds can be told
    /// Of all rows, kPieceRows for each piece; and the least of each 64.
    std::vector<float> bounds, minima;
  };

  void begin_part(const VectorPart& part);
  void take_bounds(Query& query, size_t piece) const;
  Status find(Query& query);
  /// A bound that about `count` rows do not exceed, at least if there are so many.
  float common_bound(const Query& query, size_t count);
  /// Offers the rows with bounds above `above` (NaN: all) up to `most`.
  Status offer(const Query& query, float above, float most, const index::FlatScanner& scanner);
  Status offer_some(const Query& query, float most, const index::FlatScanner& scanner);
  Status offer_many(const Query& query, const index::FlatScanner& scanner);

  const Space space_;
  const uint32_t dim_;
  const WantedRows wanted_;
  const std::span<const RowRange> pieces_;
  size_t rows_ = 0;
  std::vector<Query> queries_;
  // Reused, so that they are not allocated for each query.
  std::vector<float> order_;
  std::vector<uint32_t> found_;  ///< positions in bounds
  std::vector<VisibleRow> visible_;
  std::vector<const float*> vectors_;
  std::vector<float> norms_;
  std::vector<Offset> offsets_;
  std::vector<uint64_t> among_;
};

}  // namespace viridian::segment
