#include "python/results.h"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <utility>

#include "python/values.h"

namespace viridian::python {
namespace py = pybind11;
namespace {

template <class Column, class Convert>
py::list list_of(const Column& column, Convert convert) {
  py::list list(column.size());
  for (size_t i = 0; i < column.size(); ++i) {
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), convert(column[i]).release().ptr());
  }
  return list;
}

py::object text(std::string_view value) { return py::str(value.data(), value.size()); }

py::object text_or_none(std::optional<std::string_view> value) {
  return value ? text(*value) : py::none();
}

py::object metadata_or_none(const std::optional<Metadata>& value) {
  if (!value) return py::none();
  return dict_of(*value);
}

/// An array of numpy's that owns the matrix: nothing is copied.
py::object array_of(Matrix matrix) {
  return py::module_::import("numpy").attr("asarray")(py::cast(std::move(matrix)));
}

/// A list of its own: the caller's may be one that many calls share.
py::object included(py::handle include) {
  return py::reinterpret_steal<py::object>(PySequence_List(include.ptr()));
}

/// The names in a result's dict, made once: making them takes as long as all else of a small
/// result.
struct Names {
  static PyObject* made(const char* name) { return PyUnicode_InternFromString(name); }
  PyObject* const ids = made("ids");
  PyObject* const embeddings = made("embeddings");
  PyObject* const documents = made("documents");
  PyObject* const uris = made("uris");
  PyObject* const included = made("included");
  PyObject* const data = made("data");
  PyObject* const metadatas = made("metadatas");
  PyObject* const distances = made("distances");
};

// Kept until the process ends, as interned strings are: the interpreter may be gone by then.
const Names& names() {
  static const Names kept;
  return kept;
}

void set(const py::dict& dict, PyObject* name, const py::object& value) {
  if (PyDict_SetItem(dict.ptr(), name, value.ptr()) != 0) throw py::error_already_set();
}

/// The columns of one or of several results, as they are asked for.
class Columns {
 public:
  explicit Columns(const std::vector<Include>& include) : include_(include) {}
  /// convert() where the column is included, else None.
  template <class Convert>
  py::object where(Include what, Convert convert) const {
    if (std::find(include_.begin(), include_.end(), what) == include_.end()) return py::none();
    return convert();
  }

 private:
  const std::vector<Include>& include_;
};

py::object documents_of(const RecordColumns& records) {
  return list_of(records.documents, text_or_none);
}
py::object uris_of(const RecordColumns& records) { return list_of(records.uris, text_or_none); }
py::object metadatas_of(const RecordColumns& records) {
  return list_of(records.metadatas, metadata_or_none);
}

}  // namespace

py::dict dict_of(GetResult result, py::handle include) {
  RecordColumns& records = result.records;
  const Columns columns(result.include);
  py::dict dict;
  set(dict, names().ids, list_of(records.ids, text));
  set(dict, names().embeddings,
      columns.where(Include::embeddings, [&] { return array_of(std::move(records.embeddings)); }));
  set(dict, names().documents,
      columns.where(Include::documents, [&] { return documents_of(records); }));
  set(dict, names().uris, columns.where(Include::uris, [&] { return uris_of(records); }));
  set(dict, names().included, included(include));
  set(dict, names().data, py::none());
  set(dict, names().metadatas,
      columns.where(Include::metadatas, [&] { return metadatas_of(records); }));
  return dict;
}

py::dict dict_of(QueryResult result, py::handle include) {
  const Columns columns(result.include);
  const auto each = [&](auto convert) -> py::object { return list_of(result.records, convert); };
  py::dict dict;
  set(dict, names().ids,
      each([](const RecordColumns& records) { return list_of(records.ids, text); }));
  set(dict, names().embeddings, columns.where(Include::embeddings, [&] {
    py::list list;
    for (RecordColumns& records : result.records) {
      list.append(array_of(std::move(records.embeddings)));
    }
    return list;
  }));
  set(dict, names().documents,
      columns.where(Include::documents, [&] { return each(documents_of); }));
  set(dict, names().uris, columns.where(Include::uris, [&] { return each(uris_of); }));
  set(dict, names().included, included(include));
  set(dict, names().data, py::none());
  set(dict, names().metadatas,
      columns.where(Include::metadatas, [&] { return each(metadatas_of); }));
  set(dict, names().distances, columns.where(Include::distances, [&] {
    return list_of(result.distances, [](const std::vector<float>& distances) {
      return list_of(distances, [](float distance) { return py::float_(distance); });
    });
  }));
  return dict;
}

}  // namespace viridian::python
