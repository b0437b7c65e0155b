#pragma once
#include <optional>
#include <vector>

#include "viridian/model/requests.h"

namespace pybind11 {
class handle;
}

/// Arguments of Python as values of the model. What is of another type or length than it says
/// raises ValueError; what values may be beyond that is the engine's to say. The interpreter lock
/// is held.
namespace viridian::python {

/// One text, or a list or tuple of them.
enum class Repeats { allowed, refused };
/// refused: DuplicateIDError where an id comes twice.
StringColumn ids_of(pybind11::handle value, Repeats repeats);

/// One vector or several: arrays of floats or integers of one or two dimensions, lists of numbers,
/// lists of either. Arrays of float32 are copied as they lie.
Matrix vectors_of(pybind11::handle value);

/// The rows of a write; embeddings, metadatas, documents and uris may be None. One record's may be
/// given without a list around it.
RecordBatch batch_of(Operation operation, pybind11::handle ids, pybind11::handle embeddings,
                     pybind11::handle metadatas, pybind11::handle documents, pybind11::handle uris);

/// Each may be None. The filters are dicts in Chroma's language.
Selection selection_of(pybind11::handle ids, pybind11::handle where,
                       pybind11::handle where_document, Repeats repeats);

/// A list of names, with "distances" among them or not.
enum class Distances { allowed, refused };
std::vector<Include> include_of(pybind11::handle value, Distances distances);

/// The name of a read level, such as "index_only".
ReadLevel read_level_of(pybind11::handle value);

/// None or an integer from 0 to 2^32 - 1; OverflowError beyond.
std::optional<uint32_t> count_of(pybind11::handle value);

}  // namespace viridian::python
