#include "python/values.h"

#include <fmt/format.h>
#include <pybind11/pybind11.h>

#include <utility>

namespace viridian::python {
namespace py = pybind11;
namespace {

// The types themselves and not what derives from them: numpy.float64 is a float, but a bool is an
// int too, and has to stay one of its own.
bool is_bool(py::handle value) { return PyBool_Check(value.ptr()) != 0; }
bool is_integer(py::handle value) { return PyLong_Check(value.ptr()) != 0 && !is_bool(value); }
bool is_float(py::handle value) { return PyFloat_Check(value.ptr()) != 0; }
bool is_text(py::handle value) { return PyUnicode_Check(value.ptr()) != 0; }

py::value_error unfit(std::string_view key, py::handle value) {
  return py::value_error(fmt::format(
      "metadata \"{}\" is a {}: it can be a str, int, float, bool or None, or a list of "
      "one of the first four that is not empty",
      key, Py_TYPE(value.ptr())->tp_name));
}

/// Nothing where it takes more than 64 bits.
std::optional<int64_t> integer(py::handle value) {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (overflow != 0) return std::nullopt;
  if (number == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return number;
}

double floating(py::handle value) {
  const double number = PyFloat_AsDouble(value.ptr());
  if (number == -1.0 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return number;
}

/// Every item by `read`; ValueError unless `fits` is true of each.
template <class T, class Fits, class Read>
std::vector<T> items(std::string_view key, const py::list& list, Fits fits, Read read) {
  std::vector<T> values;
  values.reserve(list.size());
  for (const py::handle item : list) {
    if (!fits(item)) throw unfit(key, list);
    values.push_back(read(item));
  }
  return values;
}

MetadataValue array(std::string_view key, const py::list& list) {
  if (list.empty()) throw unfit(key, list);
  const py::handle first = list[0];
  if (is_bool(first)) {
    return items<bool>(key, list, is_bool, [](py::handle item) { return item.ptr() == Py_True; });
  }
  if (is_integer(first)) {
    return items<int64_t>(key, list, is_integer, [&](py::handle item) {
      const std::optional<int64_t> number = integer(item);
      if (!number)
        throw py::value_error(
            fmt::format("metadata \"{}\" holds an int of more than 64 bits", key));
      return *number;
    });
  }
  if (is_float(first)) return items<double>(key, list, is_float, floating);
  return items<std::string>(key, list, is_text,
                            [](py::handle item) { return std::string(text_of(item, "metadata")); });
}

template <class T>
py::object list_of(const std::vector<T>& values) {
  py::list list(values.size());
  for (size_t i = 0; i < values.size(); ++i) list[i] = py::cast(static_cast<T>(values[i]));
  return list;
}

}  // namespace

std::string_view text_of(py::handle value, const char* what) {
  if (!is_text(value)) {
    throw py::value_error(
        fmt::format("{} must be str, but one is a {}", what, Py_TYPE(value.ptr())->tp_name));
  }
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (bytes == nullptr) {
    const py::error_already_set error;  // takes it over
    throw py::value_error(fmt::format("{} must be texts that UTF-8 has, but in one {}", what,
                                      std::string(py::str(error.value()))));
  }
  return {bytes, static_cast<size_t>(size)};
}

MetadataValue value_of(std::string_view key, py::handle value) {
  if (is_text(value)) return std::string(text_of(value, "metadata"));
  if (is_bool(value)) return value.ptr() == Py_True;
  if (is_integer(value)) {
    if (const std::optional<int64_t> number = integer(value)) return *number;
    return floating(value);
  }
  if (is_float(value)) return floating(value);
  if (value.is_none()) return std::monostate();
  if (PyList_Check(value.ptr()) != 0) return array(key, py::reinterpret_borrow<py::list>(value));
  throw unfit(key, value);
}

py::object object_of(const MetadataValue& value) {
  return std::visit(
      [](const auto& held) -> py::object {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return py::none();
        } else if constexpr (std::is_same_v<T, bool>) {
          return py::bool_(held);
        } else if constexpr (std::is_same_v<T, int64_t>) {
          return py::int_(held);
        } else if constexpr (std::is_same_v<T, double>) {
          return py::float_(held);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return py::str(held);
        } else {
          return list_of(held);
        }
      },
      value);
}

py::dict dict_of(const Metadata& metadata) {
  py::dict dict;
  for (const auto& [key, value] : metadata) dict[py::str(key)] = object_of(value);
  return dict;
}

}  // namespace viridian::python
