"""What a column holds, whichever library it is of: as values of metadata, as texts, as vectors."""
from __future__ import annotations

import datetime
import sys
import uuid
from typing import Any, List, Optional, Sequence, Union

import numpy as np

from .libraries import needed, owner

Vectors = Union[np.ndarray, List[Any]]

# What metadata take as they are. Floats are looked at, as NaN is a missing value.
_AS_THEY_ARE = {str, int, bool, type(None)}
_MICROSECONDS = "datetime64[us]"


class CellError(ValueError):
    """A value that cannot be written; `index` is its place in the column."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def listed(column: Any) -> List[Any]:
    """The values of a column as Python objects, one copy."""
    library = owner(column)
    if library == "pyarrow":
        return _listed_arrow(column)
    if library == "polars":
        return column.to_list()
    if library == "pandas":
        return column.astype(object).tolist()
    if isinstance(column, np.ndarray):
        times = column.dtype.kind == "M"
        return column.astype(_MICROSECONDS).tolist() if times else column.tolist()
    return list(column)


def _listed_arrow(column: Any) -> List[Any]:
    types = needed("pyarrow").types
    kind = column.type
    if types.is_timestamp(kind):
        # Python's times go no finer, and the conversion refuses what would be lost.
        return column.cast(needed("pyarrow").timestamp("us", kind.tz), safe=False).to_pylist()
    numbers = (types.is_integer(kind) or types.is_floating(kind)) and column.null_count == 0
    if numbers or types.is_string(kind) or types.is_large_string(kind):
        # The same as to_pylist(), which takes several times as long.
        return np.asarray(column).tolist()
    return column.to_pylist()


def metadata(column: Any, name: str) -> List[Any]:
    """Values as metadata have them; None where one is missing.

    Raises CellError for what metadata cannot hold.
    """
    values = listed(column)
    if set(map(type, values)) <= _AS_THEY_ARE:
        return values
    converted = []
    for index, value in enumerate(values):
        try:
            converted.append(_list(value) if _is_list(value) else _scalar(value))
        except ValueError as error:
            raise CellError(index, f"column {name!r} has {error}") from None
    return converted


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _is_missing(value: Any) -> bool:
    """None, NaN, and what pandas has for them."""
    if value is None:
        return True
    pandas = sys.modules.get("pandas")
    if pandas is not None and value is getattr(pandas, "NA", None):
        return True
    return isinstance(value, (float, datetime.datetime)) and value != value


def _scalar(value: Any) -> Any:
    """One value; ValueError, whose message names its type and what to do, for what cannot be."""
    if isinstance(value, np.datetime64):
        value = value.astype(_MICROSECONDS)
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.item()
    if _is_missing(value):
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    # pandas' own isoformat() has nanoseconds, which the other libraries' values have lost here.
    if isinstance(value, datetime.datetime):
        return datetime.datetime.isoformat(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise ValueError(f"a {type(value).__name__}, which metadata cannot hold: {_advice(value)}, or "
                     "leave the column out with metadata=[...]")


def _advice(value: Any) -> str:
    if isinstance(value, dict):
        return "make columns of its fields, or a JSON text of it"
    if isinstance(value, datetime.timedelta):
        return "make a number of it"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "make a text of it, or keep its address as a uri"
    if type(value).__name__ == "Decimal":
        return "make a float or a text of it"
    return "make a text or a number of it"


def _list(value: Sequence[Any]) -> Optional[List[Any]]:
    """A list of one type; None for one of nothing, which is written as no value."""
    values = value.tolist() if isinstance(value, np.ndarray) else value
    if any(_is_list(item) for item in values):
        raise ValueError("a list of lists, which metadata cannot hold: make one list of them, or a "
                         "JSON text")
    items = [_scalar(item) for item in values]
    kinds = set(map(type, items))
    if type(None) in kinds:
        raise ValueError("a list with a missing value in it, which metadata cannot hold: take it "
                         "out of the list")
    if kinds == {int, float}:
        return [float(item) for item in items]
    if len(kinds) > 1:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"a list of {names}, but the values of a list must be of one type")
    return items or None


def texts(column: Any, name: str, integers: bool = False) -> List[Optional[str]]:
    """Texts; None where one is missing. `integers`: these and UUIDs become texts, as ids may."""
    values = listed(column)
    if set(map(type, values)) <= {str, type(None)}:
        return values
    return [_text(value, index, name, integers) for index, value in enumerate(values)]


def _text(value: Any, index: int, name: str, integers: bool) -> Optional[str]:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str) or _is_missing(value):
        return value if isinstance(value, str) else None
    if integers and isinstance(value, (int, uuid.UUID)) and not isinstance(value, bool):
        return str(value)
    raise CellError(index, f"column {name!r} has a {type(value).__name__} where a text has to be")


def vectors(column: Any, name: str) -> Vectors:
    """A matrix over the column's own memory where it has one, else the rows as they are.

    Raises CellError for a row without a vector, or with one of another length than the first's.
    """
    library = owner(column)
    if library == "pandas" and hasattr(column.dtype, "pyarrow_dtype"):
        column, library = needed("pyarrow").array(column), "pyarrow"
    if library == "pyarrow":
        return _numeric(_matrix_of_arrow(column, name), name)
    if library == "polars":
        return _numeric(_matrix_of_polars(column, name), name)
    if library == "pandas":
        column = column.to_numpy()
    if isinstance(column, np.ndarray) and column.ndim == 2:
        return _numeric(column, name)
    return _rows(list(column), name)


def _rows(rows: List[Any], name: str) -> Vectors:
    """Rows of any kind, all of one length; arrays in a form that the engine reads."""
    lengths = [len(row) if hasattr(row, "__len__") and not isinstance(row, str) else None
               for row in rows]
    _check_lengths(lengths, name)
    if all(isinstance(row, np.ndarray) for row in rows):
        return [_numeric(row, name) for row in rows]
    return rows


def _check_lengths(lengths: Sequence[Optional[int]], name: str) -> None:
    expected = lengths[0] if lengths else None
    if expected and all(length == expected for length in lengths):
        return
    for index, length in enumerate(lengths):
        if not length:
            raise CellError(index, f"column {name!r} has no vector there")
        if length != expected:
            raise CellError(index, f"column {name!r} has a vector of {length} numbers, but the one "
                                   f"of the first row here has {expected}")


def _numeric(array: np.ndarray, name: str) -> np.ndarray:
    """The array, converted where the engine does not read its type."""
    if array.dtype.kind not in "iuf":
        raise ValueError(f"column {name!r} has {array.dtype} where vectors of numbers have to be")
    read = array.dtype.kind == "f" and array.dtype.itemsize <= 8 or array.dtype.char in "ilq"
    return array if read and array.dtype.isnative else array.astype(np.float32)


def _matrix_of_arrow(column: Any, name: str) -> np.ndarray:
    pyarrow = needed("pyarrow")
    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pyarrow.ExtensionArray):
        column = column.storage  # the canonical tensors among others
    types = pyarrow.types
    fixed = types.is_fixed_size_list(column.type)
    if not (fixed or types.is_list(column.type) or types.is_large_list(column.type)):
        raise ValueError(f"column {name!r} has {column.type} where lists of numbers have to be")
    lengths = needed("pyarrow.compute").list_value_length(column)
    if fixed and column.null_count == 0:
        width = column.type.list_size
    else:
        _check_lengths(lengths.to_pylist(), name)
        width = lengths[0].as_py() if len(column) else 0
    numbers = column.flatten().to_numpy(zero_copy_only=False)
    return numbers.reshape(len(column), width)


def _matrix_of_polars(column: Any, name: str) -> np.ndarray:
    polars = needed("polars")
    if isinstance(column.dtype, polars.Array) and column.null_count() == 0:
        return column.to_numpy()
    if isinstance(column.dtype, polars.Array):
        column = column.cast(polars.List(column.dtype.inner))
    if not isinstance(column.dtype, polars.List):
        raise ValueError(f"column {name!r} has {column.dtype} where lists of numbers have to be")
    lengths = column.list.len().to_list()
    _check_lengths(lengths, name)
    width = lengths[0] if lengths else 0
    return column.explode().to_numpy().reshape(len(column), width)
