#include "segment/coded_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "segment/read_trace.h"
#include "simd/codes.h"
#include "simd/prefetch.h"

namespace viridian::segment {
namespace {

constexpr uint32_t kGroup = simd::kUnitRows * simd::kUnitsAtOnce;
constexpr uint32_t kPieceGroups = CodedSearch::kPieceRows / kGroup;
constexpr size_t kQueriesAtOnce = 8;
/// Rows whose distances are computed together; after that, fewer may be left.
constexpr size_t kRowsAtOnce = 32;
/// Where the codes leave more than one row in this many, all are read in order.
constexpr size_t kMany = 8;
/// By which more rows are looked at each time too few of them counted.
constexpr size_t kMore = 4;
/// Greater than any bound but that of rows that are not there.
constexpr float kAll = std::numeric_limits<float>::max();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

static_assert(CodedSearch::kPieceRows % CodedRows::kBlockRows == 0);
static_assert(CodedRows::kBlockRows % kGroup == 0);

}  // namespace

CodedSearch::CodedSearch(Space space, uint32_t dim, const WantedRows& wanted,
                         std::span<const RowRange> pieces)
    : space_(space), dim_(dim), wanted_(wanted), pieces_(pieces) {
  for (const RowRange& piece : pieces) rows_ += piece.end - piece.begin;
}

Status CodedSearch::search(const Context& context, const Matrix& queries,
                           std::span<index::TopK> results) {
  queries_.resize(std::min(kQueriesAtOnce, queries.rows()));
  for (size_t first = 0; first < queries.rows(); first += kQueriesAtOnce) {
    queries_.resize(std::min(queries_.size(), queries.rows() - first));
    for (size_t i = 0; i < queries_.size(); ++i) {
      queries_[i].vector = queries.row(first + i);
      queries_[i].result = &results[first + i];
      queries_[i].bounds.resize(pieces_.size() * kPieceRows);
      queries_[i].minima.resize(pieces_.size() * kPieceGroups);
    }
    const VectorPart* part = nullptr;
    for (size_t piece = 0; piece < pieces_.size(); ++piece) {
      VIRIDIAN_TRY_VOID(context.check());
      const RowRange& range = pieces_[piece];
      if (range.part != part) begin_part(*(part = range.part));
      if (wanted_.trace != nullptr)
        wanted_.trace->add(*part, ReadTrace::How::codes,
                           {uint64_t{range.end - range.begin} * queries_.size()});
      for (Query& query : queries_) take_bounds(query, piece);
    }
    for (Query& query : queries_) VIRIDIAN_TRY_VOID(find(query));
  }
  return ok_status();
}

void CodedSearch::begin_part(const VectorPart& part) {
  for (Query& query : queries_) {
    query.bounds_of_part.emplace(part.codes().coder());
    query.known = query.bounds_of_part->assign(query.vector);
  }
}

void CodedSearch::take_bounds(Query& query, size_t piece) const {
  const RowRange& range = pieces_[piece];
  const uint32_t count = range.end - range.begin;
  float* const bounds = query.bounds.data() + piece * kPieceRows;
  float* const minima = query.minima.data() + piece * kPieceGroups;
  std::fill(minima, minima + kPieceGroups, kInfinity);
  if (!query.known) {
    std::fill(bounds, bounds + count, -kInfinity);
    std::fill(minima, minima + (count + kGroup - 1) / kGroup, -kInfinity);
  } else {
    const CodedRows& codes = range.part->codes();
    const index::Centre* centre = nullptr;
    for (uint32_t at = 0; at < count; at += CodedRows::kBlockRows) {
      const CodedRows::Block& block = codes.block((range.begin + at) / CodedRows::kBlockRows);
      if (block.centre.get() != centre)
        query.bounds_of_part->move_to(*(centre = block.centre.get()));
      const size_t rows = std::min(CodedRows::kBlockRows, count - at);
      query.bounds_of_part->bounds(block.units.data(), (rows + kGroup - 1) / kGroup * kGroup,
                                   bounds + at, minima + at / kGroup);
    }
  }
  // Rows that the range has not.
  std::fill(bounds + count, bounds + kPieceRows, kInfinity);
}

Status CodedSearch::find(Query& query) {
  Matrix one{dim_, {}};
  one.values.assign(query.vector, query.vector + dim_);
  const index::FlatScanner scanner(space_, dim_, one);
  // Those that are most likely the nearest first: all others are then ruled out but those whose
  // bounds are below the k-th of their distances.
  size_t count = query.result->k();
  float above = std::numeric_limits<float>::quiet_NaN();
  for (bool first = true;; first = false) {
    float most = query.result->kth();
    if (first || most == kInfinity) most = std::min(most, common_bound(query, count));
    VIRIDIAN_TRY_VOID(offer(query, above, most, scanner));
    if (most == kAll || most >= query.result->kth()) return ok_status();
    above = first ? most : std::max(above, most);
    count *= kMore;
  }
}

float CodedSearch::common_bound(const Query& query, size_t count) {
  if (count >= rows_) return kAll;
  order_ = count * 2 <= query.minima.size() ? query.minima : query.bounds;
  const auto last = order_.begin() + static_cast<ptrdiff_t>(count - 1);
  std::nth_element(order_.begin(), last, order_.end());
  return std::min(*last, kAll);
}

Status CodedSearch::offer(const Query& query, float above, float most,
                          const index::FlatScanner& scanner) {
  found_.clear();
  std::array<uint32_t, kGroup> below;
  for (uint32_t group = 0; group < query.minima.size(); ++group) {
    if (!(query.minima[group] <= most)) continue;
    const float* const bounds = query.bounds.data() + size_t{group} * kGroup;
    const size_t n = simd::code_kernels().below(bounds, most, kGroup, below.data());
    for (size_t i = 0; i < n; ++i)
      if (!(bounds[below[i]] <= above)) found_.push_back(group * kGroup + below[i]);
  }
  return found_.size() * kMany > rows_ ? offer_many(query, scanner)
                                       : offer_some(query, most, scanner);
}

Status CodedSearch::offer_some(const Query& query, float most, const index::FlatScanner& scanner) {
  const auto flush = [&] {
    scanner.gather(vectors_, norms_.data(), offsets_, {query.result, 1});
    vectors_.clear();
    norms_.clear();
    offsets_.clear();
    most = std::min(most, query.result->kth());
  };
  for (const uint32_t position : found_) {
    if (query.bounds[position] > most) continue;
    const RowRange& piece = pieces_[position / kPieceRows];
    const uint32_t row = piece.begin + position % kPieceRows;
    visible_.clear();
    VIRIDIAN_TRY_VOID(piece.part->rows().visible(row, row + 1, wanted_.at, visible_));
    if (visible_.empty() || !wanted_.allows(visible_.front().offset)) continue;
    VIRIDIAN_TRY(const VectorRun run, piece.part->run(row, 1));
    simd::prefetch(run.vectors, dim_ * sizeof(float));
    if (wanted_.trace != nullptr) wanted_.trace->add(*piece.part, ReadTrace::How::codes, {0, 1});
    vectors_.push_back(run.vectors);
    norms_.push_back(*run.norms);
    offsets_.push_back(visible_.front().offset);
    if (vectors_.size() == kRowsAtOnce) flush();
  }
  flush();
  return ok_status();
}

Status CodedSearch::offer_many(const Query& query, const index::FlatScanner& scanner) {
  size_t next = 0;
  for (uint32_t piece = 0; piece < pieces_.size(); ++piece) {
    among_.assign(kPieceRows / 64, 0);
    for (; next < found_.size() && found_[next] / kPieceRows == piece; ++next) {
      const uint32_t i = found_[next] % kPieceRows;
      among_[i / 64] |= uint64_t{1} << (i % 64);
    }
    VIRIDIAN_TRY_VOID(
        scan_rows(pieces_[piece], wanted_, among_.data(), scanner, {query.result, 1}));
  }
  return ok_status();
}

}  // namespace viridian::segment
