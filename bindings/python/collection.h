#pragma once
#include <memory>
#include <string>

#include "python/database.h"

namespace pybind11 {
class dict;
class handle;
class tuple;
}  // namespace pybind11

namespace viridian::python {

/// The records of one collection. Thread-safe.
class Collection {
 public:
  /// `id`: the collection's UUID.
  Collection(std::shared_ptr<Database> database, std::string tenant, std::string database_name,
             const std::string& id);

  void write(Operation operation, pybind11::handle ids, pybind11::handle embeddings,
             pybind11::handle metadatas, pybind11::handle documents, pybind11::handle uris) const;
  /// How many records there were.
  uint64_t remove(pybind11::handle ids, pybind11::handle where, pybind11::handle where_document,
                  pybind11::handle limit) const;
  uint64_t count(pybind11::handle read_level) const;
  pybind11::dict get(pybind11::handle ids, pybind11::handle where, pybind11::handle limit,
                     pybind11::handle offset, pybind11::handle where_document,
                     pybind11::handle include) const;
  /// The records that follow a cursor, `""` being the beginning, and the cursor for what follows
  /// them, None being the end.
  pybind11::tuple page(pybind11::handle where, pybind11::handle limit,
                       pybind11::handle where_document, pybind11::handle include,
                       const std::string& cursor) const;
  pybind11::dict query(pybind11::handle embeddings, pybind11::handle ids,
                       pybind11::handle n_results, pybind11::handle where,
                       pybind11::handle where_document, pybind11::handle include) const;
  void flush() const;
  void compact() const;

 private:
  const std::shared_ptr<Database> database_;
  CollectionRef ref_;
};

}  // namespace viridian::python
