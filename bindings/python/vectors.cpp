#include <fmt/format.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <string>

#include "python/arguments.h"

namespace viridian::python {
namespace py = pybind11;
namespace {

py::value_error unfit(py::handle value) {
  return py::value_error(
      fmt::format("embeddings are a {}: they must be a list of numbers, an array of float16, "
                  "float32, float64 or integers, or a list of either",
                  Py_TYPE(value.ptr())->tp_name));
}

/// An object's memory, as long as it lives.
class View {
 public:
  explicit View(py::handle value) {
    if (PyObject_GetBuffer(value.ptr(), &buffer_, PyBUF_RECORDS_RO) != 0) {
      throw py::error_already_set();
    }
  }
  ~View() { PyBuffer_Release(&buffer_); }
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  const Py_buffer& operator*() const { return buffer_; }

 private:
  Py_buffer buffer_{};
};

/// The one letter that says what an element is; 0 where it is something else, or of foreign order.
char element_of(const Py_buffer& buffer) {
  const std::string_view format = buffer.format == nullptr ? "B" : buffer.format;
  const size_t at = !format.empty() && (format[0] == '@' || format[0] == '=' || format[0] == '<');
  return format.size() == at + 1 ? format[at] : '\0';
}

template <class T>
void append_rows(const Py_buffer& buffer, FloatBuffer& values) {
  const bool many = buffer.ndim == 2;
  const Py_ssize_t rows = many ? buffer.shape[0] : 1;
  const Py_ssize_t columns = buffer.shape[many];
  const Py_ssize_t step = buffer.strides[many];
  const char* row = static_cast<const char*>(buffer.buf);
  for (Py_ssize_t i = 0; i < rows; ++i) {
    if (step == sizeof(T)) {
      const T* numbers = reinterpret_cast<const T*>(row);
      values.insert(values.end(), numbers, numbers + columns);
    } else {
      for (Py_ssize_t j = 0; j < columns; ++j) {
        values.push_back(static_cast<float>(*reinterpret_cast<const T*>(row + j * step)));
      }
    }
    if (many) row += buffer.strides[0];
  }
}

void set_dimension(Matrix& matrix, size_t dim) {
  if (dim == 0) throw py::value_error("an embedding must have a number at least");
  if (matrix.dim == 0) matrix.dim = static_cast<uint32_t>(dim);
  if (matrix.dim == dim) return;
  throw py::value_error(fmt::format(
      "embeddings of {} and {} numbers in one call: all must have the collection's length",
      matrix.dim, dim));
}

/// What has memory of numbers, and does not mean it: bytes, and arrays some of whose places do not
/// count.
bool is_no_array(py::handle value) {
  return PyBytes_Check(value.ptr()) != 0 || PyByteArray_Check(value.ptr()) != 0 ||
         std::string_view(Py_TYPE(value.ptr())->tp_name) == "MaskedArray";
}

/// An array's row or rows.
void append_array(py::handle value, Matrix& matrix) {
  if (is_no_array(value)) throw unfit(value);
  const View view(value);
  const Py_buffer& buffer = *view;
  if (buffer.ndim != 1 && buffer.ndim != 2) throw unfit(value);
  if (buffer.ndim == 2 && buffer.shape[0] == 0) throw py::value_error("there are no embeddings");
  set_dimension(matrix, static_cast<size_t>(buffer.shape[buffer.ndim - 1]));
  matrix.values.reserve(matrix.values.size() + static_cast<size_t>(buffer.len / buffer.itemsize));
  switch (element_of(buffer)) {
    case 'f':
      return append_rows<float>(buffer, matrix.values);
    case 'd':
      return append_rows<double>(buffer, matrix.values);
    case 'b':
      return append_rows<signed char>(buffer, matrix.values);
    case 'B':
      return append_rows<unsigned char>(buffer, matrix.values);
    case 'h':
      return append_rows<short>(buffer, matrix.values);
    case 'H':
      return append_rows<unsigned short>(buffer, matrix.values);
    case 'i':
      return append_rows<int>(buffer, matrix.values);
    case 'I':
      return append_rows<unsigned int>(buffer, matrix.values);
    case 'l':
      return append_rows<long>(buffer, matrix.values);
    case 'L':
      return append_rows<unsigned long>(buffer, matrix.values);
    case 'q':
      return append_rows<long long>(buffer, matrix.values);
    case 'Q':
      return append_rows<unsigned long long>(buffer, matrix.values);
    case 'e':
      return append_array(value.attr("astype")("float32"), matrix);
    default:
      throw unfit(value);
  }
}

bool is_number(py::handle value) {
  return (PyFloat_Check(value.ptr()) != 0 || PyLong_Check(value.ptr()) != 0) &&
         PyBool_Check(value.ptr()) == 0;
}

bool is_list(py::handle value) {
  return PyList_Check(value.ptr()) != 0 || PyTuple_Check(value.ptr()) != 0;
}

/// ValueError where the list has become shorter: what turns an item into numbers may be the
/// caller's code, which may change the list.
py::object item_of(py::handle list, Py_ssize_t i) {
  if (i >= PySequence_Fast_GET_SIZE(list.ptr())) {
    throw py::value_error("a list of embeddings was changed while it was read");
  }
  return py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(list.ptr(), i));
}

double number_of(const py::object& item) {
  // numpy's integers and float32 are no Python numbers, but turn into them.
  const double number = PyFloat_AsDouble(item.ptr());
  if (number == -1.0 && PyErr_Occurred() != nullptr) {
    const py::error_already_set error;                 // takes it over
    if (!error.matches(PyExc_Exception)) throw error;  // Ctrl-C
    throw py::value_error(fmt::format("embeddings have a {} where a number has to be: {}",
                                      Py_TYPE(item.ptr())->tp_name,
                                      std::string(py::str(error.value()))));
  }
  return number;
}

/// A list of numbers.
void append_list(py::handle value, Matrix& matrix) {
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(value.ptr());
  set_dimension(matrix, static_cast<size_t>(size));
  for (Py_ssize_t i = 0; i < size; ++i) {
    matrix.values.push_back(static_cast<float>(number_of(item_of(value, i))));
  }
}

void append(py::handle value, Matrix& matrix) {
  if (is_list(value)) return append_list(value, matrix);
  if (PyObject_CheckBuffer(value.ptr()) != 0) return append_array(value, matrix);
  // Tensors of other libraries.
  if (!py::hasattr(value, "__array__")) throw unfit(value);
  append_array(value.attr("__array__")(), matrix);
}

}  // namespace

Matrix vectors_of(py::handle value) {
  Matrix matrix;
  if (!is_list(value) || PySequence_Fast_GET_SIZE(value.ptr()) == 0) {
    if (is_list(value)) throw py::value_error("there are no embeddings");
    append(value, matrix);
    return matrix;
  }
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(value.ptr());
  if (is_number(PySequence_Fast_GET_ITEM(value.ptr(), 0))) {
    append_list(value, matrix);
    return matrix;
  }
  for (Py_ssize_t i = 0; i < size; ++i) append(item_of(value, i), matrix);
  return matrix;
}

}  // namespace viridian::python
