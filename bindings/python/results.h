#pragma once
#include "viridian/model/requests.h"

namespace pybind11 {
class dict;
class handle;
}  // namespace pybind11

/// Results of the model as the dicts of Chroma's Python client. The interpreter lock is held.
namespace viridian::python {

/// `include`: what the caller gave, for the dict's "included".
pybind11::dict dict_of(GetResult result, pybind11::handle include);
pybind11::dict dict_of(QueryResult result, pybind11::handle include);

}  // namespace viridian::python
