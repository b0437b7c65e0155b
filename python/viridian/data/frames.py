"""Collections as frames and files."""
from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

import numpy as np

from ..types import GetResult, Include, Where, WhereDocument
from .libraries import needed
from .pages import ALL, batches
from .progress import Progress, reporter
from .schema import MIXED, Schema, as_json
from .sources import JSON_MARK

# What a result calls them, by what they are of.
_RESULTS = {"embedding": "embeddings", "document": "documents", "uri": "uris"}


def to_arrow(collection: Any, where: Optional[Where] = None,
             where_document: Optional[WhereDocument] = None, include: Include = ALL,
             names: Optional[Mapping[str, str]] = None) -> Any:
    """The records that match, as a Table of pyarrow.

    `include`: any of "embeddings", "documents", "uris", "metadatas". The columns are `id`,
    `embedding` (a FixedSizeList of float32), `document`, `uri`, and one for each key of metadata,
    in the order of their names. `names` calls the first four otherwise: {"id": "isbn"}. What a
    record does not have is null.

    A key whose values have several types is a column of JSON texts, marked in its field, so that
    `add` makes the values of them again.

    Raises ValueError for a key that is called as one of the first four; give that another name.
    """
    pyarrow = needed("pyarrow")
    pages, schema = _seen(collection, where, where_document, include, names)
    keys = schema.keys
    fields = _arrow_schema(schema, keys)
    made = [_record_batch(page, schema, keys, fields) for page in pages]
    return pyarrow.Table.from_batches(made, fields)


def to_parquet(collection: Any, path: Union[str, "os.PathLike[str]"],
               where: Optional[Where] = None, where_document: Optional[WhereDocument] = None,
               include: Include = ALL, names: Optional[Mapping[str, str]] = None,
               compression: str = "zstd", progress: Progress = None) -> int:
    """Writes the records that match to a Parquet file, in a page's memory; says how many it were.

    The columns are those of `to_arrow`. The collection is read twice, first for the types of its
    metadata. The file appears when it is complete. `progress` as in `add`.

    Raises ValueError as `to_arrow`, and ChangedError where a key, or a type of a key's values, came
    into the collection between the two.
    """
    parquet = needed("pyarrow.parquet")
    schema = Schema(_named(names, include))
    total = 0
    looked_at: Include = ["metadatas"] if "metadatas" in include else []
    for page in batches(collection, None, where, where_document, looked_at):
        schema.see(page)
        total += len(page["ids"])
    keys = schema.keys
    unfinished = os.fspath(path) + ".part"
    try:
        with reporter(progress, total) as report:
            done = _write(parquet, unfinished, schema, keys, compression, report,
                          batches(collection, None, where, where_document, include))
        os.replace(unfinished, path)
    finally:
        if os.path.exists(unfinished):
            os.remove(unfinished)
    return done


def to_pandas(collection: Any, where: Optional[Where] = None,
              where_document: Optional[WhereDocument] = None, include: Include = ALL,
              names: Optional[Mapping[str, str]] = None) -> Any:
    """The records that match, as a DataFrame of pandas.

    The columns are those of `to_arrow`. Vectors are arrays of float32. Integers and booleans of
    which some are missing have pandas' nullable types. A key whose values have several types is a
    column of objects.
    """
    pandas = needed("pandas")
    pages, schema = _seen(collection, where, where_document, include, names)
    made: Dict[str, Any] = {}
    for part, name in schema.names.items():
        values = _together(pages, part)
        kind = "vector" if part == "embedding" else "str"
        made[name] = pandas.Series(values, dtype=_pandas_type(kind, values))
    for name, (kind, values) in _metadata(pages, schema).items():
        made[name] = pandas.Series(values, dtype=_pandas_type(kind, values))
    return pandas.DataFrame(made)


def to_polars(collection: Any, where: Optional[Where] = None,
              where_document: Optional[WhereDocument] = None, include: Include = ALL,
              names: Optional[Mapping[str, str]] = None) -> Any:
    """The records that match, as a DataFrame of Polars.

    The columns are those of `to_arrow`; vectors are an Array of Float32. A key whose values have
    several types is a column of JSON texts, and Polars keeps no mark of that.
    """
    polars = needed("polars")
    pages, schema = _seen(collection, where, where_document, include, names)
    types = {"bool": polars.Boolean, "int": polars.Int64, "float": polars.Float64,
             "str": polars.String}
    made = []
    for part, name in schema.names.items():
        if part != "embedding":
            made.append(polars.Series(name, _together(pages, part), dtype=polars.String))
        elif pages:
            matrix = np.concatenate([page["embeddings"] for page in pages])
            made.append(polars.Series(name, matrix, dtype=polars.Array(polars.Float32,
                                                                       schema.dimension)))
        else:
            made.append(polars.Series(name, [], dtype=polars.List(polars.Float32)))
    for name, (kind, values) in _metadata(pages, schema).items():
        if kind == MIXED:
            kind, values = "str", as_json(values)
        item = types[kind.split()[-1]]
        dtype = polars.List(item) if kind.startswith("list") else item
        made.append(polars.Series(name, values, dtype=dtype))
    return polars.DataFrame(made)


def _named(names: Optional[Mapping[str, str]], include: Include) -> Dict[str, str]:
    """What the columns are called that are no metadata, by what they have."""
    unknown = set(names or ()) - {"id", *_RESULTS}
    if unknown:
        raise ValueError(f"names has {sorted(unknown)}: there are id, embedding, document and uri")
    if isinstance(include, str) or not set(include) <= set(ALL):
        raise ValueError(f"include is {include!r}, but can only have {', '.join(ALL)}")
    there = ["id", *(part for part, result in _RESULTS.items() if result in include)]
    named = {part: (names or {}).get(part, part) for part in there}
    if len(set(named.values())) < len(named):
        raise ValueError(f"two columns would have one name: {named}")
    return named


def _seen(collection: Any, where: Optional[Where], where_document: Optional[WhereDocument],
          include: Include, names: Optional[Mapping[str, str]]) -> Tuple[List[GetResult], Schema]:
    """All pages, and what columns they make."""
    schema = Schema(_named(names, include))
    pages = list(batches(collection, None, where, where_document, include))
    for page in pages:
        schema.see(page)
    return pages, schema


def _of(page: Any, part: str) -> Any:
    return page[_RESULTS.get(part, "ids")]


def _together(pages: List[GetResult], part: str) -> List[Any]:
    return [value for page in pages for value in _of(page, part)]


def _metadata(pages: List[GetResult], schema: Schema) -> Dict[str, Tuple[str, List[Any]]]:
    """The type and the values of each key's column."""
    keys = schema.keys
    made: Dict[str, Tuple[str, List[Any]]] = {key: (kind, []) for key, kind in keys.items()}
    for page in pages:
        for key, values in schema.columns(page, keys).items():
            made[key][1].extend(values)
    return made


def _pandas_type(kind: str, values: List[Any]) -> Any:
    """The type of a column; None for what pandas chooses itself, which depends on its version."""
    if kind in ("int", "bool"):
        whole, nullable = {"int": ("int64", "Int64"), "bool": ("bool", "boolean")}[kind]
        return nullable if None in values else whole
    if kind == "float":
        return "float64"
    return None if kind == "str" and any(value is not None for value in values) else object


def _arrow_schema(schema: Schema, keys: Dict[str, str]) -> Any:
    pyarrow = needed("pyarrow")
    types = {"bool": pyarrow.bool_(), "int": pyarrow.int64(), "float": pyarrow.float64(),
             "str": pyarrow.string()}
    fields = []
    for part, name in schema.names.items():
        kind = pyarrow.string()
        if part == "embedding":
            # The length is unknown where there is no vector.
            kind = pyarrow.list_(pyarrow.float32(), schema.dimension or -1)
        fields.append(pyarrow.field(name, kind, nullable=part != "id"))
    for key, kind in keys.items():
        if kind == MIXED:
            fields.append(pyarrow.field(key, pyarrow.string(), metadata=JSON_MARK))
            continue
        item = types[kind.split()[-1]]
        fields.append(pyarrow.field(key, pyarrow.list_(item) if kind.startswith("list") else item))
    return pyarrow.schema(fields)


def _record_batch(page: GetResult, schema: Schema, keys: Dict[str, str], fields: Any) -> Any:
    pyarrow = needed("pyarrow")
    columns = []
    for part in schema.names:
        values = _of(page, part)
        if part == "embedding":
            numbers = pyarrow.array(values.reshape(-1))
            columns.append(pyarrow.FixedSizeListArray.from_arrays(numbers, values.shape[1]))
        else:
            columns.append(pyarrow.array(values, pyarrow.string()))
    for key, values in schema.columns(page, keys).items():
        values = as_json(values) if keys[key] == MIXED else values
        columns.append(pyarrow.array(values, fields.field(key).type))
    return pyarrow.RecordBatch.from_arrays(columns, schema=fields)


def _write(parquet: Any, path: str, schema: Schema, keys: Dict[str, str], compression: str,
           report: Any, pages: Any) -> int:
    """Writes the pages; the first of them says how long vectors are."""
    done = 0
    first = next(pages, None)
    if first is not None and first["embeddings"] is not None:
        schema.dimension = first["embeddings"].shape[1]
    fields = _arrow_schema(schema, keys)
    # Vectors do not repeat, so a dictionary of their numbers would be made and thrown away.
    flat = [field.name for field in fields if field.name != schema.names.get("embedding")]
    with parquet.ParquetWriter(path, fields, compression=compression,
                               use_dictionary=flat) as writer:
        page = first
        while page is not None:
            writer.write_batch(_record_batch(page, schema, keys, fields))
            done += len(page["ids"])
            report.show(done)
            page = next(pages, None)
    return done
