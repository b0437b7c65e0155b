#pragma once
#include <string_view>

#include "viridian/model/metadata.h"

namespace pybind11 {
class dict;
class handle;
class object;
}  // namespace pybind11

/// Metadata of Python as the model's, and back. The interpreter lock is held.
namespace viridian::python {

/// The bytes of a str as UTF-8, which live as long as the object. `what` names it in the TypeError
/// or ValueError of anything else.
std::string_view text_of(pybind11::handle value, const char* what);

/// A bool, int, float, str, None, or a list of one of the first four. ValueError for what else it
/// is, naming `key`. Integers beyond 64 bits become floats, as they do in JSON.
MetadataValue value_of(std::string_view key, pybind11::handle value);

pybind11::object object_of(const MetadataValue& value);
pybind11::dict dict_of(const Metadata& metadata);

}  // namespace viridian::python
