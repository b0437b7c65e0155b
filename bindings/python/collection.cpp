#include "python/collection.h"

#include <pybind11/pybind11.h>

#include <utility>

#include "python/arguments.h"
#include "python/errors.h"
#include "python/results.h"

namespace viridian::python {
namespace py = pybind11;
namespace {

CollectionId parsed(const std::string& id) {
  const std::optional<Uuid> uuid = Uuid::parse(id);
  if (!uuid) throw py::value_error(id + " is no UUID");
  return *uuid;
}

}  // namespace

Collection::Collection(std::shared_ptr<Database> database, std::string tenant,
                       std::string database_name, const std::string& id)
    : database_(std::move(database)),
      ref_{{std::move(tenant), std::move(database_name)}, parsed(id)} {}

void Collection::write(Operation operation, py::handle ids, py::handle embeddings,
                       py::handle metadatas, py::handle documents, py::handle uris) const {
  RecordBatch batch = batch_of(operation, ids, embeddings, metadatas, documents, uris);
  database_->call(
      [&](Api& api, const Context& context) { return api.write(context, ref_, std::move(batch)); });
}

uint64_t Collection::remove(py::handle ids, py::handle where, py::handle where_document,
                            py::handle limit) const {
  DeleteRequest request;
  request.selection = selection_of(ids, where, where_document, Repeats::refused);
  request.limit = count_of(limit);
  return database_
      ->call([&](Api& api, const Context& context) {
        return api.delete_records(context, ref_, request);
      })
      .deleted;
}

uint64_t Collection::count(py::handle read_level) const {
  const ReadLevel level = read_level_of(read_level);
  return database_->call(
      [&](Api& api, const Context& context) { return api.count(context, ref_, level); });
}

py::dict Collection::get(py::handle ids, py::handle where, py::handle limit, py::handle offset,
                         py::handle where_document, py::handle include) const {
  GetRequest request;
  request.selection = selection_of(ids, where, where_document, Repeats::refused);
  request.limit = count_of(limit);
  request.offset = count_of(offset).value_or(0);
  request.include = include_of(include, Distances::refused);
  return dict_of(database_->call([&](Api& api, const Context& context) {
    return api.get(context, ref_, request);
  }),
                 include);
}

py::tuple Collection::page(py::handle where, py::handle limit, py::handle where_document,
                           py::handle include, const std::string& cursor) const {
  GetRequest request;
  request.selection = selection_of(py::none(), where, where_document, Repeats::refused);
  request.limit = count_of(limit);
  request.include = include_of(include, Distances::refused);
  request.cursor = cursor;
  GetResult result = database_->call(
      [&](Api& api, const Context& context) { return api.get(context, ref_, request); });
  const std::string next = result.next_cursor.value_or("");
  return py::make_tuple(dict_of(std::move(result), include),
                        next.empty() ? py::none() : py::object(py::str(next)));
}

py::dict Collection::query(py::handle embeddings, py::handle ids, py::handle n_results,
                           py::handle where, py::handle where_document, py::handle include) const {
  QueryRequest request;
  request.vectors = vectors_of(embeddings);
  request.n_queries = static_cast<uint32_t>(request.vectors.rows());
  request.selection = selection_of(ids, where, where_document, Repeats::allowed);
  request.n_results = count_of(n_results).value_or(request.n_results);
  request.include = include_of(include, Distances::allowed);
  return dict_of(database_->call([&](Api& api, const Context& context) {
    return api.query(context, ref_, request);
  }),
                 include);
}

void Collection::flush() const {
  database_->call([&](Api& api, const Context& context) { return api.flush(context, ref_); });
}

void Collection::compact() const {
  database_->call([&](Api& api, const Context& context) { return api.compact(context, ref_); });
}

}  // namespace viridian::python
