#include "python/errors.h"

#include <fmt/format.h>
#include <pybind11/pybind11.h>

namespace viridian::python {
namespace py = pybind11;
namespace {

[[noreturn]] void raise(const py::object& exception) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  throw py::error_already_set();
}

}  // namespace

// The classes are Python's own, so that programs can see and derive from them.
void raise(const Error& error) {
  const py::object make = py::module_::import("viridian.errors").attr("from_code");
  raise(make(code_name(error.code()), error.message()));
}

void raise_duplicate_id(std::string_view id) {
  const py::object type = py::module_::import("viridian.errors").attr("DuplicateIDError");
  raise(type(fmt::format("ids must be unique within a call, and \"{}\" comes twice", id)));
}

}  // namespace viridian::python
