#include "segment/vector_reader.h"

#include <algorithm>
#include <functional>

namespace viridian::segment {
namespace {

/// Rows between two looks at the caller's deadline.
constexpr uint32_t kBlockRows = 4096;
/// Looking a row up by its offset costs about as much as reading this many in order.
constexpr uint64_t kGatherFactor = 16;

using Results = std::vector<index::TopK>;

/// Runs work(i, results) for i below n, each worker with results of its own, and merges them. The
/// merged result does not depend on who did what.
Result<Results> run_parallel(Executor& executor, size_t n, size_t queries, uint32_t k,
                             const std::function<Status(size_t, Results&)>& work) {
  const size_t workers = std::max<size_t>(1, std::min(n, executor.concurrency()));
  std::vector<Results> results(workers);
  std::vector<Status> outcomes(workers);
  const auto run = [&](size_t worker) {
    for (size_t query = 0; query < queries; ++query) results[worker].emplace_back(k);
    for (size_t i = n * worker / workers; i < n * (worker + 1) / workers; ++i) {
      outcomes[worker] = work(i, results[worker]);
      if (!outcomes[worker].ok()) return;
    }
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

}  // namespace

PartsVectorReader::PartsVectorReader(std::vector<PinnedVectors> parts, Space space, uint32_t dim,
                                     SeqId at, Executor& executor)
    : parts_(std::move(parts)), space_(space), dim_(dim), at_(at), executor_(executor) {}

std::vector<PartsVectorReader::Block> PartsVectorReader::blocks(
    std::span<const PinnedVectors> parts) {
  std::vector<Block> blocks;
  for (const PinnedVectors& pinned : parts)
    for (uint32_t begin = 0; begin < pinned.limit; begin += kBlockRows)
      blocks.push_back({&pinned, begin, begin + std::min(kBlockRows, pinned.limit - begin)});
  return blocks;
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
  VIRIDIAN_TRY(Results results, read(context, query, scanner, parts_));
  return sorted(std::move(results));
}

std::vector<std::vector<Neighbour>> PartsVectorReader::sorted(Results results) {
  std::vector<std::vector<Neighbour>> neighbours;
  for (index::TopK& result : results) neighbours.push_back(result.sorted());
  return neighbours;
}

Result<PartsVectorReader::Results> PartsVectorReader::read(
    const Context& context, const VectorQuery& query, const index::FlatScanner& scanner,
    std::span<const PinnedVectors> parts) const {
  const size_t queries = scanner.queries();
  uint64_t rows = 0;
  for (const PinnedVectors& pinned : parts) rows += pinned.limit;
  const bool all_parts = parts.size() == parts_.size();
  if (all_parts && query.allowed != nullptr && query.allowed->size() * kGatherFactor < rows) {
    const std::vector<Offset> offsets = query.allowed->slice(0, query.allowed->size());
    const size_t n = (offsets.size() + kBlockRows - 1) / kBlockRows;
    return run_parallel(executor_, n, queries, query.k, [&](size_t i, Results& results) {
      const size_t begin = i * kBlockRows;
      const size_t count = std::min<size_t>(kBlockRows, offsets.size() - begin);
      return gather_block(context, std::span(offsets).subspan(begin, count), scanner, results);
    });
  }
  const std::vector<Block> work = blocks(parts);
  return run_parallel(executor_, work.size(), queries, query.k, [&](size_t i, Results& results) {
    return scan_block(context, work[i], scanner, query.allowed, results);
  });
}

Status PartsVectorReader::scan_block(const Context& context, const Block& block,
                                     const index::FlatScanner& scanner, const OffsetSet* allowed,
                                     Results& results) const {
  VIRIDIAN_TRY_VOID(context.check());
  const VectorPart& part = *block.pinned->part;
  std::vector<VisibleRow> visible;
  VIRIDIAN_TRY_VOID(part.rows().visible(block.begin, block.end, at_, visible));
  std::vector<Offset> offsets(block.end - block.begin);
  std::vector<bool> wanted(offsets.size());
  for (const VisibleRow& row : visible) {
    offsets[row.row - block.begin] = row.offset;
    wanted[row.row - block.begin] = allowed == nullptr || allowed->contains(row.offset);
  }
  std::vector<uint64_t> live;
  for (uint32_t begin = block.begin; begin < block.end;) {
    VIRIDIAN_TRY(const VectorRun run, part.run(begin, block.end - begin));
    live.assign((run.rows + 63) / 64, 0);
    for (uint32_t i = 0; i < run.rows; ++i)
      if (wanted[begin - block.begin + i]) live[i / 64] |= uint64_t{1} << (i % 64);
    scanner.scan(run.vectors, run.norms, offsets.data() + (begin - block.begin), live.data(),
                 run.rows, results);
    begin += run.rows;
  }
  return ok_status();
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
