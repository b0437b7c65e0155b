#pragma once
#include <pybind11/pybind11.h>

#include <string>

#include "python/values.h"

namespace viridian::python {

/// A name of a tenant, a database or a collection, or an id, as an argument. What is none is
/// refused in a sentence, where pybind11 would list the signatures of a function that users do not
/// call.
struct Name {
  std::string text;
  // NOLINTNEXTLINE(google-explicit-constructor): an argument is used as what it stands for
  operator const std::string&() const { return text; }
};

}  // namespace viridian::python

namespace pybind11::detail {

template <>
struct type_caster<viridian::python::Name> {
  PYBIND11_TYPE_CASTER(viridian::python::Name, const_name("str"));
  bool load(handle source, bool /*convert*/) {
    value.text = viridian::python::text_of(source, "names");
    return true;
  }
};

}  // namespace pybind11::detail
