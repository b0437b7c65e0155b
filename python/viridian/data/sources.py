"""What records come from: frames, tables, files and iterables, read as batches of columns."""
from __future__ import annotations

import glob
import json
import os
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from .libraries import needed, owner
from .names import Names

# Of one batch's values, about: what is held in memory between the source and the engine.
BYTES = 8 << 20
# On fields of Arrow whose texts are JSON of values of several types.
JSON_MARK = {b"viridian": b"json"}


class Batch(NamedTuple):
    """Columns of some rows."""

    columns: Dict[str, Any]
    rows: int


def opened(source: Any, names: Names, rows: int) -> Tuple[Iterator[Batch], Optional[int]]:
    """The batches of a source, of at most so many rows, and how many rows there are if it knows.

    Raises TypeError for what is no source, FileNotFoundError where there is no such file.
    """
    if isinstance(source, (str, os.PathLike)):
        return _parquet(_files([source]), names, rows)
    if isinstance(source, (list, tuple)) and source and isinstance(source[0], (str, os.PathLike)):
        return _parquet(_files(source), names, rows)
    known = _of_library(source, names, rows)
    if known is not None:
        return known
    if isinstance(source, Mapping):
        batch = _of_mapping(source)
        return _sliced(batch, rows), batch.rows
    if hasattr(source, "__arrow_c_stream__"):
        reader = needed("pyarrow").RecordBatchReader.from_stream(source)
        return _of_arrow(reader, rows), None
    if not hasattr(source, "__iter__") or isinstance(source, (bytes, np.ndarray)):
        raise TypeError(f"a {type(source).__name__} is no source of records: give a DataFrame, an "
                        "Arrow table, the path of a Parquet file, or an iterable of dicts")
    records = isinstance(source, (list, tuple)) and all(
        isinstance(item, Mapping) and names.is_record(item) for item in source)
    return _of_iterable(source, names, rows), len(source) if records else None


def _of_library(source: Any, names: Names,
                rows: int) -> Optional[Tuple[Iterator[Batch], Optional[int]]]:
    """As `opened`, for what pandas, Polars or Arrow made; None for anything else."""
    library, kind = owner(source), type(source).__name__
    if library == "pandas" and hasattr(source, "columns"):
        return _of_pandas(source, rows), len(source)
    if library == "polars" and kind == "LazyFrame":
        return _of_lazy(source, names, rows), None
    if library == "polars" and hasattr(source, "iter_slices"):
        return _of_polars(source, rows), source.height
    if library != "pyarrow":
        return None
    if kind == "RecordBatch":
        source = needed("pyarrow").Table.from_batches([source])
    if hasattr(source, "to_reader"):
        return _of_arrow(source.to_reader(rows), rows), source.num_rows
    if hasattr(source, "read_next_batch"):
        return _of_arrow(source, rows), None
    if hasattr(source, "scanner"):
        # Few batches ahead: the default holds hundreds of megabytes.
        batches = source.to_batches(columns=names.wanted(source.schema.names), batch_size=rows,
                                    batch_readahead=1, fragment_readahead=1)
        file_format = type(getattr(source, "format", None)).__name__
        total = source.count_rows() if file_format == "ParquetFileFormat" else None
        return _of_arrow(batches, rows), total
    return None


def _files(paths: Iterable[Any]) -> List[str]:
    """The Parquet files of paths, folders and patterns, each of these in the order of names."""
    found = []
    for path in map(os.fspath, paths):
        if os.path.isdir(path):
            inside = sorted(str(file) for file in Path(path).rglob("*.parquet"))
            # Names that Spark and others use for what is no data.
            files = [file for file in inside if not os.path.basename(file).startswith(("_", "."))]
        elif os.path.exists(path):
            files = [path]
        else:
            files = sorted(glob.glob(path, recursive=True))
        if not files:
            raise FileNotFoundError(f"there is no Parquet file at {path}")
        found += files
    return found


def _parquet(files: List[str], names: Names, rows: int) -> Tuple[Iterator[Batch], int]:
    return _of_files(files, names, rows), sum(map(_rows_of, files))


def _rows_of(file: str) -> int:
    """How many rows a file has; ValueError where it is none of Parquet's."""
    try:
        return needed("pyarrow.parquet").read_metadata(file).num_rows
    except ValueError as error:  # which does not say of which file
        raise ValueError(f"{file} cannot be read as Parquet: {error}") from error


def _of_files(files: List[str], names: Names, rows: int) -> Iterator[Batch]:
    parquet = needed("pyarrow.parquet")
    for path in files:
        # With a buffer a row group is read in pieces, however large it is.
        with parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            about = file.metadata
            size = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
            few = max(1, min(rows, BYTES * about.num_rows // max(1, size)))
            columns = names.wanted(file.schema_arrow.names)
            yield from _of_arrow(file.iter_batches(batch_size=few, columns=columns), few)


def _of_arrow(batches: Iterable[Any], rows: int) -> Iterator[Batch]:
    for batch in batches:
        for first in range(0, batch.num_rows, rows):
            part = batch.slice(first, rows)
            columns: Dict[str, Any] = {}
            for field, column in zip(part.schema, part.columns):
                _put(columns, field.name, _decoded(column, field))
            yield Batch(columns, part.num_rows)


def _decoded(column: Any, field: Any) -> Any:
    mark = (field.metadata or {}).get(b"viridian")
    if mark != JSON_MARK[b"viridian"]:
        return column
    return [None if text is None else json.loads(text) for text in column.to_pylist()]


def _of_pandas(frame: Any, rows: int) -> Iterator[Batch]:
    for first in range(0, len(frame), rows):
        part = frame.iloc[first:first + rows]
        columns: Dict[str, Any] = {}
        for place, name in enumerate(part.columns):
            _put(columns, name, part.iloc[:, place])
        # set_index("id") is common, and says where the ids are.
        if part.index.name is not None and part.index.name not in columns:
            _put(columns, part.index.name, part.index.to_series())
        yield Batch(columns, len(part))


def _of_polars(frame: Any, rows: int) -> Iterator[Batch]:
    for part in frame.iter_slices(rows):
        yield Batch({series.name: series for series in part.get_columns()}, part.height)


def _of_lazy(frame: Any, names: Names, rows: int) -> Iterator[Batch]:
    """A query in pieces, where this Polars does that, else its whole result."""
    wanted = names.wanted(frame.collect_schema().names())
    if wanted is not None:
        frame = frame.select(wanted)
    if not hasattr(frame, "collect_batches"):
        yield from _of_polars(frame.collect(), rows)
        return
    for part in frame.collect_batches(chunk_size=rows):
        yield from _of_polars(part, rows)


def _of_mapping(columns: Mapping[str, Any]) -> Batch:
    """A dict of columns."""
    lengths = {name: len(column) for name, column in columns.items() if column is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of different lengths: {lengths}")
    kept: Dict[str, Any] = {}
    for name in lengths:
        _put(kept, name, columns[name])
    return Batch(kept, next(iter(lengths.values()), 0))


def _put(columns: Dict[str, Any], name: Any, column: Any) -> None:
    if not isinstance(name, str):
        raise ValueError(f"a column is named {name!r}: names of columns must be texts")
    if name in columns:
        raise ValueError(f"two columns are named {name!r}")
    columns[name] = column


def _sliced(batch: Batch, rows: int) -> Iterator[Batch]:
    for first in range(0, batch.rows, rows):
        last = min(batch.rows, first + rows)
        columns = {name: _slice(column, first, last) for name, column in batch.columns.items()}
        yield Batch(columns, last - first)


def _slice(column: Any, first: int, last: int) -> Any:
    return column.iloc[first:last] if hasattr(column, "iloc") else column[first:last]


def _of_iterable(items: Iterable[Any], names: Names, rows: int) -> Iterator[Batch]:
    """Records are gathered to batches; batches are passed on."""
    gathered: List[Mapping[str, Any]] = []
    weight = 0
    for item in items:
        record = isinstance(item, Mapping) and names.is_record(item)
        if record:
            gathered.append(item)
            weight += _weight(item)
            if len(gathered) < rows and weight < BYTES:
                continue
        if gathered:
            yield _of_records(gathered)
            gathered, weight = [], 0
        if not record:
            yield from _batches_of(item, names, rows)
    if gathered:
        yield _of_records(gathered)


def _batches_of(item: Any, names: Names, rows: int) -> Iterator[Batch]:
    known = _of_library(item, names, rows)
    if known is None and not isinstance(item, Mapping):
        raise TypeError(f"the source gave a {type(item).__name__}, which is neither a dict nor a "
                        "frame")
    return known[0] if known is not None else _sliced(_of_mapping(item), rows)


def _weight(record: Mapping[str, Any]) -> int:
    """About how many bytes a record's values are."""
    return sum(map(_bytes, record.values()))


def _bytes(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, (list, tuple)):
        return 8 * len(value)
    return int(getattr(value, "nbytes", 8))


def _of_records(records: List[Mapping[str, Any]]) -> Batch:
    names = dict.fromkeys(name for record in records for name in record)
    columns: Dict[str, Any] = {}
    for name in names:
        _put(columns, name, [record.get(name) for record in records])
    return Batch(columns, len(records))
