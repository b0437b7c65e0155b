#include "segment/vector_reader.h"

#include <algorithm>
#include <functional>

#include "base/stopwatch.h"
#include "segment/coded_search.h"
#include "segment/read_trace.h"
#include "viridian/spi/plan_trace.h"

namespace viridian::segment {
namespace {

/// Rows between two looks at the caller's deadline.
constexpr uint32_t kBlockRows = CodedSearch::kPieceRows;
constexpr uint64_t kDistancesAtOnce = uint64_t{1} << 24;
/// Pieces of coded rows that are searched together: a million rows' bounds take 4 MB a query.
constexpr size_t kPiecesAtOnce = 256;
/// Looking a row up by its offset costs about as much as reading this many in order.
constexpr uint64_t kGatherFactor = 16;

using Results = std::vector<index::TopK>;

/// A worker's share of n things: those from begin() to end().
struct Share {
  size_t worker, workers;
  size_t begin(size_t n) const { return n * worker / workers; }
  size_t end(size_t n) const { return n * (worker + 1) / workers; }
  template <class T>
  std::span<const T> of(const std::vector<T>& all) const {
    return std::span(all).subspan(begin(all.size()), end(all.size()) - begin(all.size()));
  }
};

/// Runs work(share, results) for shares of `n` things at most, each worker with results of its own,
/// and merges them. The merged result does not depend on who did what.
Result<Results> run_parallel(Executor& executor, size_t n, size_t queries, uint32_t k,
                             const std::function<Status(const Share&, Results&)>& work) {
  const size_t workers = std::max<size_t>(1, std::min(n, executor.concurrency()));
  std::vector<Results> results(workers);
  std::vector<Status> outcomes(workers);
  const auto run = [&](size_t worker) {
    for (size_t query = 0; query < queries; ++query) results[worker].emplace_back(k);
    outcomes[worker] = work({worker, workers}, results[worker]);
  };
  if (workers == 1)
    run(0);
  else
    executor.parallel_for(workers, run);
  for (const Status& outcome : outcomes) VIRIDIAN_TRY_VOID(Status(outcome));
  for (size_t worker = 1; worker < workers; ++worker)
    for (size_t query = 0; query < queries; ++query)
      results[0][query].merge(results[worker][query]);
  return std::move(results[0]);
}

/// Scans a range of rows. With very many queries a block's distances take seconds, so there it is
/// asked more often whether to go on.
Status scan_in_steps(const Context& context, const RowRange& range, const WantedRows& wanted,
                     const index::FlatScanner& scanner, Results& results) {
  const uint64_t rows = kDistancesAtOnce / std::max<uint64_t>(1, scanner.queries()) / 64 * 64;
  const auto step = static_cast<uint32_t>(std::clamp<uint64_t>(rows, 64, kBlockRows));
  for (uint32_t begin = range.begin; begin < range.end; begin += step) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY_VOID(scan_rows({range.part, begin, std::min(range.end, begin + step)}, wanted,
                                nullptr, scanner, results));
  }
  return ok_status();
}

/// Searches a range of rows, and takes the time of it where that is wanted.
Status search_rows(const Context& context, const RowRange& range, const WantedRows& wanted,
                   const index::FlatScanner& scanner, Results& results) {
  if (wanted.trace == nullptr) return scan_in_steps(context, range, wanted, scanner, results);
  const Stopwatch took;
  VIRIDIAN_TRY_VOID(scan_in_steps(context, range, wanted, scanner, results));
  wanted.trace->add(*range.part, ReadTrace::How::rows, {0, 0, took.nanoseconds()});
  return ok_status();
}

/// The same with codes. The time is shared out among the parts by their rows.
Status search_codes(CodedSearch search, const Context& context, const Matrix& queries,
                    std::span<const RowRange> pieces, const WantedRows& wanted, Results& results) {
  const Stopwatch took;
  VIRIDIAN_TRY_VOID(search.search(context, queries, results));
  if (wanted.trace == nullptr) return ok_status();
  const uint64_t nanoseconds = took.nanoseconds();
  uint64_t rows = 0;
  for (const RowRange& piece : pieces) rows += piece.end - piece.begin;
  for (const RowRange& piece : pieces)
    wanted.trace->add(*piece.part, ReadTrace::How::codes,
                      {0, 0, nanoseconds * (piece.end - piece.begin) / rows});
  return ok_status();
}

/// Where few rows are allowed, and looked up one by one.
void tell_gathered(PlanTrace& trace, uint64_t rows, uint64_t allowed, const Stopwatch& took) {
  PlanStep step{"read"};
  step.on = "rows by their offsets";
  step.among = rows;
  step.estimated = step.actual = step.looked_at = allowed;
  step.microseconds = took.microseconds();
  trace.add(std::move(step));
}

/// Rows got codes, unless there were none left without.
void tell_encoded(PlanTrace& trace, const PinnedVectors& pinned, uint32_t rows,
                  const Stopwatch& took) {
  if (rows == 0) return;
  PlanStep step{"encode"};
  step.on = name_in_plan(pinned);
  step.actual = rows;
  step.microseconds = took.microseconds();
  trace.add(std::move(step));
}

void add_pieces(const VectorPart& part, uint32_t begin, uint32_t end,
                std::vector<RowRange>& pieces) {
  for (; begin < end; begin += kBlockRows)
    pieces.push_back({&part, begin, begin + std::min(kBlockRows, end - begin)});
}

}  // namespace

PartsVectorReader::PartsVectorReader(std::vector<PinnedVectors> parts, Space space, uint32_t dim,
                                     SeqId at, Executor& executor)
    : parts_(std::move(parts)), space_(space), dim_(dim), at_(at), executor_(executor) {}

Result<PartsVectorReader::Work> PartsVectorReader::divide(const Context& context,
                                                          const Reading& parts) const {
  Work work;
  for (const PinnedVectors& pinned : parts.whole)
    add_pieces(*pinned.part, 0, pinned.limit, work.whole);
  for (const PinnedVectors& pinned : parts.coded) {
    const VectorPart& part = *pinned.part;
    if (dim_ >= CodedRows::kLeastDim) {
      const Stopwatch took;
      const uint32_t before = part.codes().size();
      VIRIDIAN_TRY_VOID(
          part.codes().extend(part, space_, dim_, pinned.limit, pinned.file != nullptr));
      if (context.trace() != nullptr)
        tell_encoded(*context.trace(), pinned, part.codes().size() - before, took);
    }
    const uint32_t coded = std::min(part.codes().size(), pinned.limit);
    add_pieces(part, 0, coded, work.coded);
    add_pieces(part, coded, pinned.limit, work.whole);
  }
  return work;
}

Status PartsVectorReader::check(const VectorQuery& query) const {
  const Matrix& vectors = *query.vectors;
  if (dim_ == 0 || vectors.rows() == 0 || vectors.dim == dim_) return ok_status();
  return Error(Code::invalid_argument, "the query's vectors have " + std::to_string(vectors.dim) +
                                           " dimensions, the collection's " + std::to_string(dim_));
}

Result<std::vector<std::vector<Neighbour>>> PartsVectorReader::search(
    const Context& context, const VectorQuery& query) const {
  const Matrix& vectors = *query.vectors;
  VIRIDIAN_TRY_VOID(check(query));
  if (vectors.rows() == 0 || query.k == 0 || dim_ == 0)
    return std::vector<std::vector<Neighbour>>(vectors.rows());
  const index::FlatScanner scanner(space_, dim_, vectors);
  VIRIDIAN_TRY(Results results, read(context, query, scanner, {parts_, {}}));
  return sorted(std::move(results));
}

std::vector<std::vector<Neighbour>> PartsVectorReader::sorted(Results results) {
  std::vector<std::vector<Neighbour>> neighbours;
  for (index::TopK& result : results) neighbours.push_back(result.sorted());
  return neighbours;
}

Result<PartsVectorReader::Results> PartsVectorReader::read(const Context& context,
                                                           const VectorQuery& query,
                                                           const index::FlatScanner& scanner,
                                                           const Reading& parts) const {
  const size_t queries = scanner.queries();
  uint64_t rows = 0;
  for (const auto& some : {parts.whole, parts.coded})
    for (const PinnedVectors& pinned : some) rows += pinned.limit;
  const bool all_parts = parts.whole.size() + parts.coded.size() == parts_.size();
  if (all_parts && query.allowed != nullptr && query.allowed->size() * kGatherFactor < rows) {
    const Stopwatch took;
    VIRIDIAN_TRY(Results results, read_allowed(context, query, scanner));
    if (context.trace() != nullptr)
      tell_gathered(*context.trace(), rows, query.allowed->size(), took);
    return results;
  }
  VIRIDIAN_TRY(const Work work, divide(context, parts));
  ReadTrace trace;
  const WantedRows wanted{at_, query.allowed, context.trace() != nullptr ? &trace : nullptr};
  const size_t n = std::max(work.whole.size(), work.coded.size());
  VIRIDIAN_TRY(
      Results results,
      run_parallel(executor_, n, queries, query.k,
                   [&](const Share& share, Results& results) -> Status {
                     for (const RowRange& range : share.of(work.whole)) {
                       VIRIDIAN_TRY_VOID(search_rows(context, range, wanted, scanner, results));
                     }
                     for (auto left = share.of(work.coded); !left.empty();) {
                       const auto some = left.first(std::min(kPiecesAtOnce, left.size()));
                       VIRIDIAN_TRY_VOID(search_codes({space_, dim_, wanted, some}, context,
                                                      *query.vectors, some, wanted, results));
                       left = left.subspan(some.size());
                     }
                     return ok_status();
                   }));
  if (context.trace() != nullptr) {
    const uint64_t allowed = query.allowed == nullptr ? rows : query.allowed->size();
    trace.tell(*context.trace(), parts_, allowed);
  }
  return results;
}

Result<PartsVectorReader::Results> PartsVectorReader::read_allowed(
    const Context& context, const VectorQuery& query, const index::FlatScanner& scanner) const {
  const std::vector<Offset> offsets = query.allowed->slice(0, query.allowed->size());
  const size_t n = (offsets.size() + kBlockRows - 1) / kBlockRows;
  return run_parallel(executor_, n, scanner.queries(), query.k,
                      [&](const Share& share, Results& results) -> Status {
                        for (size_t i = share.begin(n); i < share.end(n); ++i) {
                          const size_t begin = i * kBlockRows;
                          const size_t count = std::min<size_t>(kBlockRows, offsets.size() - begin);
                          VIRIDIAN_TRY_VOID(gather_block(
                              context, std::span(offsets).subspan(begin, count), scanner, results));
                        }
                        return ok_status();
                      });
}

Status PartsVectorReader::gather_block(const Context& context, std::span<const Offset> offsets,
                                       const index::FlatScanner& scanner, Results& results) const {
  VIRIDIAN_TRY_VOID(context.check());
  std::vector<const float*> vectors;
  std::vector<float> norms;
  for (const Offset offset : offsets) {
    VIRIDIAN_TRY(const Found found, vector_of(offset));
    vectors.push_back(found.vector);
    norms.push_back(found.norm == nullptr ? 0 : *found.norm);
  }
  scanner.gather(vectors, norms.data(), offsets, results);
  return ok_status();
}

Result<PartsVectorReader::Found> PartsVectorReader::vector_of(Offset offset) const {
  for (auto pinned = parts_.rbegin(); pinned != parts_.rend(); ++pinned) {
    VIRIDIAN_TRY(const std::optional<uint32_t> row,
                 pinned->part->rows().find(offset, pinned->limit, at_));
    if (!row) continue;
    VIRIDIAN_TRY(const VectorRun run, pinned->part->run(*row, 1));
    return Found{run.vectors, run.norms};
  }
  return Error(Code::internal, "no live record has offset " + std::to_string(offset) +
                                   " as of record " + std::to_string(at_));
}

Status PartsVectorReader::fetch(const Context& context, std::span<const Offset> offsets,
                                Matrix& out) const {
  if (offsets.empty()) return ok_status();
  if (out.dim == 0) out.dim = dim_;
  if (out.dim != dim_)
    return Error(Code::invalid_argument, "the matrix to append to has another dimension");
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (i % kBlockRows == 0) VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const Found found, vector_of(offsets[i]));
    out.values.insert(out.values.end(), found.vector, found.vector + dim_);
  }
  return ok_status();
}

}  // namespace viridian::segment
