#include "python/arguments.h"

#include <fmt/format.h>
#include <pybind11/pybind11.h>

#include <limits>
#include <string>
#include <unordered_set>

#include "codec/json_values.h"
#include "python/errors.h"
#include "python/values.h"

namespace viridian::python {
namespace py = pybind11;
namespace {

bool is_sequence(py::handle value) {
  return PyList_Check(value.ptr()) != 0 || PyTuple_Check(value.ptr()) != 0;
}

/// Calls take(item) for each item of a list or tuple, or for the value itself where it is neither.
template <class Take>
void for_each(py::handle value, Take take) {
  if (!is_sequence(value)) {
    take(value);
    return;
  }
  // An item's conversion may run code of the caller's that changes the list, so its length is asked
  // for each time.
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(value.ptr()); ++i) {
    take(py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(value.ptr(), i)));
  }
}

void refuse_repeats(const StringColumn& ids) {
  if (ids.size() < 2) return;
  std::unordered_set<std::string_view> seen;
  seen.reserve(ids.size());
  for (size_t row = 0; row < ids.size(); ++row) {
    if (!seen.insert(ids[row]).second) raise_duplicate_id(ids[row]);
  }
}

NullableStringColumn texts_of(py::handle value, const char* what) {
  NullableStringColumn column;
  if (value.is_none()) return column;
  for_each(value, [&](py::handle item) {
    column.push_back(item.is_none() ? std::nullopt
                                    : std::optional<std::string_view>(text_of(item, what)));
  });
  return column;
}

/// The rows of `value`; returns how many there are.
size_t set_metadatas(py::handle value, MetadataColumnsBuilder& columns) {
  uint32_t row = 0;
  for_each(value, [&](py::handle item) {
    if (!item.is_none()) {
      if (PyDict_Check(item.ptr()) == 0 || PyDict_Size(item.ptr()) == 0) {
        throw py::value_error("the metadata of a record must be a dict that is not empty, or None");
      }
      for (const auto& [key, held] : py::reinterpret_borrow<py::dict>(item)) {
        const std::string_view name = text_of(key, "keys of metadata");
        columns.set(row, name, value_of(name, held));
      }
    }
    ++row;
  });
  return row;
}

void check_rows(const char* what, bool given, size_t rows, size_t ids) {
  if (!given || rows == ids) return;
  throw py::value_error(fmt::format("{} ids, but {} {}: each record needs one", ids, rows, what));
}

bool takes_text(std::string_view condition) {
  return condition == "$contains" || condition == "$not_contains" || condition == "$regex" ||
         condition == "$not_regex";
}

/// ValueError for what Chroma's clients refuse, though its server takes it: an empty "$and" is true
/// of every record and an empty text is in every document, so that a delete would take them all.
void check_filter(py::handle value) {
  if (PyDict_Check(value.ptr()) == 0) return;
  for (const auto& [key, held] : py::reinterpret_borrow<py::dict>(value)) {
    const std::string_view name = text_of(key, "keys of a filter");
    if ((name == "$and" || name == "$or") && is_sequence(held)) {
      if (PySequence_Fast_GET_SIZE(held.ptr()) < 2) {
        throw py::value_error(fmt::format("\"{}\" needs a list of two conditions at least", name));
      }
      for_each(held, check_filter);
    } else if (takes_text(name) && PyUnicode_Check(held.ptr()) != 0 &&
               PyUnicode_GET_LENGTH(held.ptr()) == 0) {
      throw py::value_error(fmt::format("\"{}\" needs a text that is not empty", name));
    }
  }
}

/// A filter as JSON; ValueError where it holds what has none.
py::object json_of(py::handle filter) {
  try {
    return py::module_::import("json").attr("dumps")(filter);
  } catch (const py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;
    const std::string what = py::str(error.value());
    throw py::value_error(
        fmt::format("a filter can have str, int, float, bool and lists of these: {}", what));
  }
}

std::optional<Where> filter_of(py::handle value, Result<Where> (*read)(std::string_view)) {
  if (value.is_none()) return std::nullopt;
  if (PyDict_Check(value.ptr()) == 0 || PyDict_Size(value.ptr()) != 1) {
    throw py::value_error(
        "a filter must be a dict of one key: several conditions go into \"$and\"");
  }
  const py::object text = json_of(value);  // which also refuses what is nested too deep
  check_filter(value);
  return value_or_raise(read(text_of(text, "a filter")));
}

}  // namespace

StringColumn ids_of(py::handle value, Repeats repeats) {
  StringColumn ids;
  for_each(value, [&](py::handle item) { ids.push_back(text_of(item, "ids")); });
  if (repeats == Repeats::refused) {
    if (ids.empty()) throw py::value_error("a list of ids must not be empty");
    refuse_repeats(ids);
  }
  return ids;
}

RecordBatch batch_of(Operation operation, py::handle ids, py::handle embeddings,
                     py::handle metadatas, py::handle documents, py::handle uris) {
  RecordBatch batch;
  batch.operation = operation;
  batch.ids = ids_of(ids, Repeats::refused);
  if (!embeddings.is_none()) batch.embeddings = vectors_of(embeddings);
  batch.documents = texts_of(documents, "documents");
  batch.uris = texts_of(uris, "uris");
  MetadataColumnsBuilder columns;
  const size_t rows = metadatas.is_none() ? 0 : set_metadatas(metadatas, columns);
  batch.metadata = columns.finish();
  check_rows("embeddings", !embeddings.is_none(), batch.embeddings.rows(), batch.rows());
  check_rows("metadatas", !metadatas.is_none(), rows, batch.rows());
  check_rows("documents", !documents.is_none(), batch.documents.size(), batch.rows());
  check_rows("uris", !uris.is_none(), batch.uris.size(), batch.rows());
  return batch;
}

Selection selection_of(py::handle ids, py::handle where, py::handle where_document,
                       Repeats repeats) {
  Selection selection;
  if (!ids.is_none()) selection.ids = ids_of(ids, repeats);
  selection.where = filter_of(where, codec::read_where);
  selection.where_document = filter_of(where_document, codec::read_where_document);
  return selection;
}

std::vector<Include> include_of(py::handle value, Distances distances) {
  static constexpr std::pair<std::string_view, Include> kNames[] = {
      {"documents", Include::documents},
      {"metadatas", Include::metadatas},
      {"embeddings", Include::embeddings},
      {"uris", Include::uris},
      {"distances", Include::distances}};
  if (PyList_Check(value.ptr()) == 0) throw py::value_error("include must be a list");
  std::vector<Include> include;
  for_each(value, [&](py::handle item) {
    const std::string_view name = text_of(item, "what is included");
    for (const auto& [known, what] : kNames) {
      if (known == name && (what != Include::distances || distances == Distances::allowed)) {
        include.push_back(what);
        return;
      }
    }
    throw py::value_error(fmt::format(
        "include has \"{}\": there are documents, metadatas, embeddings, uris, data and, "
        "in a query, distances",
        name));
  });
  return include;
}

ReadLevel read_level_of(py::handle value) {
  const std::string_view name = text_of(value, "a read level");
  if (name == "index_and_wal") return ReadLevel::index_and_wal;
  if (name == "index_only") return ReadLevel::index_only;
  if (name == "index_and_bounded_wal") return ReadLevel::index_and_bounded_wal;
  throw py::value_error(
      fmt::format("read_level is \"{}\": there are index_and_wal, index_only and "
                  "index_and_bounded_wal",
                  name));
}

std::optional<uint32_t> count_of(py::handle value) {
  if (value.is_none()) return std::nullopt;
  if (PyIndex_Check(value.ptr()) == 0) {
    throw py::type_error(
        fmt::format("an integer is needed, not a {}", Py_TYPE(value.ptr())->tp_name));
  }
  // numpy's integers are none of Python's, but turn into them.
  const auto whole = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  if (!whole) throw py::error_already_set();
  const unsigned long number = PyLong_AsUnsignedLong(whole.ptr());
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  if (number > std::numeric_limits<uint32_t>::max()) {
    PyErr_SetString(PyExc_OverflowError, "a limit, offset or number of results is below 2^32");
    throw py::error_already_set();
  }
  return static_cast<uint32_t>(number);
}

}  // namespace viridian::python
