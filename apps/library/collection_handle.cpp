#include <fmt/format.h>

#include <utility>

#include "library/session.h"
#include "viridian/viridian.h"

namespace viridian {
namespace {

// For the three option types alike: the parts that select records.
template <class Options>
Result<Selection> selection_of(const Options& options) {
  Selection selection;
  if (options.ids) {
    selection.ids.emplace();
    for (const std::string& id : *options.ids) selection.ids->push_back(id);
  }
  if (options.where) {
    VIRIDIAN_TRY(selection.where, options.where->where());
  }
  if (options.where_document) {
    VIRIDIAN_TRY(selection.where_document, options.where_document->where_document());
  }
  return selection;
}

/// Without vectors.
Result<QueryRequest> query_request(const QueryOptions& options) {
  QueryRequest request;
  VIRIDIAN_TRY(request.selection, selection_of(options));
  request.n_results = options.n_results;
  request.recall_target = options.recall;
  request.include = options.include;
  return request;
}

Result<QueryRequest> query_request(std::span<const float> vector, const QueryOptions& options) {
  VIRIDIAN_TRY(QueryRequest request, query_request(options));
  request.n_queries = 1;
  request.vectors.dim = static_cast<uint32_t>(vector.size());
  request.vectors.values.assign(vector.begin(), vector.end());
  return request;
}

Result<GetRequest> get_request(const GetOptions& options) {
  GetRequest request;
  VIRIDIAN_TRY(request.selection, selection_of(options));
  request.limit = options.limit;
  request.offset = options.offset;
  request.include = options.include;
  request.order_by = options.order_by;
  return request;
}

std::vector<Rows> rows_of(QueryResult result) {
  std::vector<Rows> rows;
  rows.reserve(result.records.size());
  for (size_t i = 0; i < result.records.size(); ++i) {
    std::vector<float> distances;
    if (i < result.distances.size()) distances = std::move(result.distances[i]);
    rows.emplace_back(std::move(result.records[i]), std::move(distances));
  }
  return rows;
}

}  // namespace

CollectionHandle::CollectionHandle(std::shared_ptr<detail::Session> session, DatabasePath path,
                                   viridian::Collection collection)
    : session_(std::move(session)), path_(std::move(path)), collection_(std::move(collection)) {}

Status CollectionHandle::write(const Records& records, Operation operation) const {
  VIRIDIAN_TRY(RecordBatch batch, records.batch(operation));
  VIRIDIAN_TRY(WriteResult written, session_->call([&](Api& api) {
    return api.write(session_->context(), ref(), std::move(batch));
  }));
  static_cast<void>(written);  // the number of a log record means nothing to a caller of this
  return ok_status();
}

Result<uint64_t> CollectionHandle::remove(const Filter& filter) const {
  if (!filter.ids && !filter.where && !filter.where_document) {
    return Error(Code::invalid_argument,
                 "remove() needs ids, where or where_document: to remove every record, delete the "
                 "collection");
  }
  DeleteRequest request;
  VIRIDIAN_TRY(request.selection, selection_of(filter));
  VIRIDIAN_TRY(DeleteResult result, session_->call([&](Api& api) {
    return api.delete_records(session_->context(), ref(), request);
  }));
  return result.deleted;
}

Result<Rows> CollectionHandle::get(const GetOptions& options) const {
  VIRIDIAN_TRY(const GetRequest request, get_request(options));
  VIRIDIAN_TRY(GetResult result, session_->call([&](Api& api) {
    return api.get(session_->context(), ref(), request);
  }));
  return Rows(std::move(result.records));
}

Result<Rows> CollectionHandle::peek(uint32_t limit) const { return get({.limit = limit}); }

Result<Rows> CollectionHandle::query(std::span<const float> vector,
                                     const QueryOptions& options) const {
  VIRIDIAN_TRY(const QueryRequest request, query_request(vector, options));
  VIRIDIAN_TRY(QueryResult result, session_->call([&](Api& api) {
    return api.query(session_->context(), ref(), request);
  }));
  std::vector<Rows> rows = rows_of(std::move(result));
  if (rows.size() != 1) {
    return Error(Code::internal, fmt::format("one query got {} answers", rows.size()));
  }
  return std::move(rows.front());
}

Result<std::vector<Rows>> CollectionHandle::query(const std::vector<std::vector<float>>& vectors,
                                                  const QueryOptions& options) const {
  VIRIDIAN_TRY(QueryRequest request, query_request(options));
  request.n_queries = static_cast<uint32_t>(vectors.size());
  for (const std::vector<float>& vector : vectors) {
    if (request.vectors.dim == 0) request.vectors.dim = static_cast<uint32_t>(vector.size());
    if (vector.size() != request.vectors.dim) {
      return Error(Code::invalid_argument,
                   fmt::format("query vectors of {} and {} numbers in one call: all must have the "
                               "collection's length",
                               request.vectors.dim, vector.size()));
    }
    request.vectors.values.insert(request.vectors.values.end(), vector.begin(), vector.end());
  }
  VIRIDIAN_TRY(QueryResult result, session_->call([&](Api& api) {
    return api.query(session_->context(), ref(), request);
  }));
  return rows_of(std::move(result));
}

Result<Explanation> CollectionHandle::explain(const std::string& id, std::span<const float> vector,
                                              const QueryOptions& options) const {
  ExplainRequest request;
  request.id = id;
  VIRIDIAN_TRY(request.query, query_request(vector, options));
  return session_->call([&](Api& api) { return api.explain(session_->context(), ref(), request); });
}

Result<Explanation> CollectionHandle::explain_query(std::span<const float> vector,
                                                    const QueryOptions& options) const {
  ExplainRequest request;
  VIRIDIAN_TRY(request.query, query_request(vector, options));
  return session_->call([&](Api& api) { return api.explain(session_->context(), ref(), request); });
}

Result<Explanation> CollectionHandle::explain_get(const GetOptions& options) const {
  ExplainRequest request;
  VIRIDIAN_TRY(request.get, get_request(options));
  return session_->call([&](Api& api) { return api.explain(session_->context(), ref(), request); });
}

Result<uint64_t> CollectionHandle::count() const {
  return session_->call(
      [&](Api& api) { return api.count(session_->context(), ref(), ReadLevel::index_and_wal); });
}

Result<uint64_t> CollectionHandle::count(const Filter& filter) const {
  VIRIDIAN_TRY(const Selection selection, selection_of(filter));
  return session_->call(
      [&](Api& api) { return api.count_selected(session_->context(), ref(), selection); });
}

Result<std::vector<Facet>> CollectionHandle::facets(const std::vector<std::string>& keys,
                                                    uint32_t limit, const Filter& filter) const {
  FacetsRequest request;
  VIRIDIAN_TRY(request.selection, selection_of(filter));
  request.keys = keys;
  request.limit = limit;
  VIRIDIAN_TRY(FacetsResult result, session_->call([&](Api& api) {
    return api.facets(session_->context(), ref(), request);
  }));
  std::vector<Facet> facets;
  for (auto& [key, facet] : result.facets) facets.push_back(std::move(facet));
  return facets;
}

Result<std::vector<Extent>> CollectionHandle::extents(const std::vector<std::string>& keys,
                                                      const Filter& filter) const {
  ExtentsRequest request;
  VIRIDIAN_TRY(request.selection, selection_of(filter));
  request.keys = keys;
  VIRIDIAN_TRY(ExtentsResult result, session_->call([&](Api& api) {
    return api.extents(session_->context(), ref(), request);
  }));
  std::vector<Extent> extents;
  for (auto& [key, extent] : result.extents) extents.push_back(std::move(extent));
  return extents;
}

Status CollectionHandle::modify(const ModifyCollection& change) const {
  return session_->call(
      [&](Api& api) { return api.modify_collection(session_->context(), ref(), change); });
}

Status CollectionHandle::flush() const {
  return session_->call([&](Api& api) { return api.flush(session_->context(), ref()); });
}

Status CollectionHandle::compact() const {
  return session_->call([&](Api& api) { return api.compact(session_->context(), ref()); });
}

Status CollectionHandle::close() const {
  return session_->call([&](Api& api) { return api.close_collection(session_->context(), ref()); });
}

Result<SegmentStats> CollectionHandle::stats() const {
  if (session_->system().settings().text("api") == "http::ApiClient") {
    return Error(Code::unimplemented,
                 "a server does not tell its segments' statistics to clients: see its /metrics, or "
                 "open the data directory");
  }
  // Segments that nobody has read yet have applied nothing: a read catches them up.
  VIRIDIAN_TRY_VOID(count());
  return session_->call([&](Api&) -> Result<SegmentStats> {
    VIRIDIAN_TRY(SegmentManager * segments, session_->system().require<SegmentManager>());
    return segments->stats(session_->context(), collection_.id);
  });
}

}  // namespace viridian
