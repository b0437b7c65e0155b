#include "segment/graph_reader.h"

#include <algorithm>

namespace viridian::segment {

Result<std::vector<std::vector<Neighbour>>> GraphVectorReader::search(
    const Context& context, const VectorQuery& query) const {
  VIRIDIAN_TRY_VOID(check(query));
  const Matrix& vectors = *query.vectors;
  const size_t queries = vectors.rows();
  if (queries == 0 || query.k == 0 || dim() == 0)
    return std::vector<std::vector<Neighbour>>(queries);
  VIRIDIAN_TRY(Plan plan, this->plan(query));
  const index::FlatScanner scanner(space(), dim(), vectors);
  VIRIDIAN_TRY(Results results, read(context, query, scanner, plan.read));
  if (results.empty())
    for (size_t i = 0; i < queries; ++i) results.emplace_back(query.k);
  if (!plan.indexed.empty()) {
    std::vector<Status> outcomes(queries);
    const auto work = [&](size_t i) {
      outcomes[i] = context.check();
      for (const IndexedFile& file : plan.indexed) {
        if (!outcomes[i].ok()) return;
        const auto searched = file.search(vectors.row(i), results[i]);
        if (!searched.ok()) outcomes[i] = searched.error();
      }
    };
    if (queries == 1)
      work(0);
    else
      executor().parallel_for(queries, work);
    for (Status& outcome : outcomes) VIRIDIAN_TRY_VOID(std::move(outcome));
  }
  return sorted(std::move(results));
}

Result<Searched> GraphVectorReader::way_to(const Context& context, const VectorQuery& query,
                                           Offset offset) const {
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY_VOID(check(query));
  VIRIDIAN_TRY(const Plan plan, this->plan(query));
  for (const IndexedFile& file : plan.indexed) {
    VIRIDIAN_TRY(const auto searched, file.way_to(query.vectors->row(0), offset));
    if (searched) return *searched;
  }
  return Searched{};
}

Result<GraphVectorReader::Plan> GraphVectorReader::plan(const VectorQuery& query) const {
  uint64_t live = 0;
  for (const PinnedVectors& pinned : parts())
    live += pinned.limit - (pinned.file == nullptr ? 0 : pinned.file->rows().ended());
  const double allowed = query.allowed == nullptr
                             ? 1
                             : static_cast<double>(query.allowed->size()) /
                                   static_cast<double>(std::max<uint64_t>(1, live));
  Plan plan;
  for (const PinnedVectors& pinned : parts()) {
    if (pinned.file == nullptr || !pinned.file->has_index()) {
      plan.read.push_back(pinned);
      continue;
    }
    const double rows = pinned.limit;
    const double share = allowed * (rows - pinned.file->rows().ended()) / rows;
    VIRIDIAN_TRY(IndexedFile file,
                 IndexedFile::open(*pinned.file, {at(), query.k, query.allowed, query.recall,
                                                  std::min(query.breadth, pinned.limit), share}));
    if (file.is_to_be_read())
      plan.read.push_back(pinned);
    else
      plan.indexed.push_back(std::move(file));
  }
  return plan;
}

}  // namespace viridian::segment
