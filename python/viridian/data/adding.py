"""Records into a collection, from whatever has them."""
from __future__ import annotations

import math
import uuid
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Union, cast

import numpy as np

from .. import errors
from . import columns as cells
from . import names as parts
from . import sources
from .progress import Progress, reporter


class AddError(errors.ChromaError, ValueError):
    """A source's records could not all be written; what was written before stays.

    `written` records were, which are the first ones of the source. `row` is the place in the
    source of the record at fault, from 0 on, and `id` its id; both None where the fault is not one
    record's.
    `__cause__` has the engine's error, or the source's.
    """

    def __init__(self, message: str, written: int, row: Optional[int] = None,
                 id: Optional[str] = None) -> None:
        super().__init__(f"{message} ({written:,} records were written before)")
        self.written = written
        self.row = row
        self.id = id


def add(collection: Any, source: Any, *, id: Optional[str] = parts.ID,
        embedding: Optional[str] = parts.EMBEDDING, document: Optional[str] = parts.DOCUMENT,
        uri: Optional[str] = parts.URI, metadata: Optional[Sequence[str]] = None,
        batch_size: Optional[int] = None, upsert: bool = False, progress: Progress = None) -> int:
    """Adds the records of a source, batch by batch, and says how many there were.

        >>> import viridian
        >>> client = viridian.EphemeralClient()
        >>> books = client.create_collection("add-example", embedding_function=None)
        >>> rows = [{"isbn": 1, "vector": [0.1, 0.9], "title": "Moby-Dick", "year": 1851},
        ...         {"isbn": 2, "vector": [0.9, 0.2], "title": "Emma", "year": None}]
        >>> viridian.data.add(books, rows, id="isbn", embedding="vector", document="title")
        2
        >>> books.get(ids="1")["metadatas"]
        [{'year': 1851}]

    `source`: a DataFrame of pandas or Polars, or a LazyFrame; a Table, RecordBatch,
    RecordBatchReader or Dataset of pyarrow, or whatever has `__arrow_c_stream__`; the path of a
    Parquet file, a folder of them or a pattern, or a list of paths; or any iterable of dicts of one
    record, of dicts of columns or of frames. It is read as it is written: files and generators of
    any length take a batch's memory.

    `id`, `embedding`, `document`, `uri`: the columns' names. Without an `embedding` column the
    collection's embedding function embeds the documents, or its data loader's data. `id=None`:
    random UUIDs. `metadata`: the columns that are metadata, None for all others.

    None, null, NaN and an empty list mean that there is no such value. Dates and times become ISO
    8601 texts, to the microsecond. Ids may be integers and UUIDs, which become texts.

    `batch_size`: records of one write at most; the server's own limit holds too, and a write of
    more than some megabytes is split. `upsert`: existing records are updated, not left.
    `progress`: True for a bar on stderr, None for one if that is a terminal, or a function of the
    records done and their total, which is None where nobody knows it.

    Raises AddError, a ValueError, which names the row and says how many records were written;
    TypeError, FileNotFoundError or ImportError where the source cannot be read at all.
    """
    collection = getattr(collection, "_wrapped", collection)  # an AsyncCollection's
    columns = parts.Names(id, embedding, document, uri, metadata)
    limit = collection._session.database.max_batch_size()
    if batch_size is not None:
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}, but has to be positive")
        limit = min(limit, batch_size)
    batches, total = sources.opened(source, columns, limit)
    adding = _Adding(collection, columns, upsert)
    with reporter(progress, total) as report:
        for written in adding.run(batches):
            report.show(written)
    return adding.written


class _Records(NamedTuple):
    """Records of successive rows, as the engine takes them. `first`: the row of the first."""

    first: int
    ids: List[str]
    embeddings: Optional[cells.Vectors]
    documents: Optional[List[Optional[str]]]
    uris: Optional[List[Optional[str]]]
    metadatas: Optional[List[Optional[Dict[str, Any]]]]

    def weight(self) -> int:
        """About how many bytes they are."""
        vectors = self.embeddings
        size = 0 if vectors is None else 4 * len(vectors) * len(vectors[0])
        return size + sum(len(text) for text in self.documents or () if text is not None)

    def part(self, first: int, last: int) -> "_Records":
        there = {name: column[first:last] for name, column in self._asdict().items()
                 if name != "first" and column is not None}
        return self._replace(first=self.first + first, **there)


class _Adding:
    """One call's way through the source."""

    def __init__(self, collection: Any, names: parts.Names, upsert: bool) -> None:
        self._collection = collection
        self._names = names
        self._write = collection.upsert if upsert else collection.add
        self._row = 0
        self.written = 0

    def run(self, batches: Iterator[sources.Batch]) -> Iterator[int]:
        """Writes them; gives how many records are written each time that some are."""
        while True:
            try:
                batch = next(batches, None)
            except Exception as error:
                raise AddError(f"the source failed after {self._row:,} rows: "
                               f"{type(error).__name__}: {error}", self.written) from error
            if batch is None:
                return
            if batch.rows == 0:
                continue
            records = self._records(batch)
            pieces = max(1, round(records.weight() / sources.BYTES))
            step = math.ceil(batch.rows / pieces)
            for first in range(0, batch.rows, step):
                self._put(records.part(first, first + step))
                yield self.written
            self._row += batch.rows

    def _records(self, batch: sources.Batch) -> _Records:
        """The batch's columns converted."""
        names, columns = self._names, batch.columns
        try:
            keys = names.metadata_of(columns)
            ids = self._ids(batch)
            embeddings = documents = uris = None
            if names.embedding in columns:
                embeddings = cells.vectors(columns[names.embedding], names.embedding)
            if names.document in columns:
                documents = cells.texts(columns[names.document], names.document)
            if names.uri in columns:
                uris = cells.texts(columns[names.uri], names.uri)
            metadatas = _metadatas(columns, keys, batch.rows)
        except cells.CellError as error:
            row, id = self._row + error.index, self._id_at(batch, error.index)
            called = "" if id is None else f" (id {id!r})"
            raise AddError(f"row {row}{called}: {error}", self.written, row, id) from None
        except ValueError as error:
            raise AddError(str(error), self.written) from error
        return _Records(self._row, ids, embeddings, documents, uris, metadatas)

    def _ids(self, batch: sources.Batch) -> List[str]:
        name = self._names.id
        if name is None:
            return [str(uuid.uuid4()) for _ in range(batch.rows)]
        ids = cells.texts(batch.columns[name], name, integers=True)
        missing = next((index for index, id in enumerate(ids) if not id), None)
        if missing is not None:
            raise cells.CellError(missing, f"column {name!r} has no id there")
        return cast(List[str], ids)

    def _id_at(self, batch: sources.Batch, index: int) -> Optional[str]:
        """The id of a row of a batch that could not be converted; None where it has none."""
        try:
            return self._ids(batch)[index] if self._names.id is not None else None
        except ValueError:
            return None

    def _put(self, records: _Records) -> None:
        try:
            embeddings = records.embeddings
            if embeddings is None:
                embeddings = self._embedded(records)
            self._write(ids=records.ids, embeddings=embeddings, metadatas=records.metadatas,
                        documents=records.documents, uris=records.uris)
        except cells.CellError as error:
            raise self._at(records, error.index, str(error)) from None
        except Exception as error:
            index = _at_fault(records)
            if index is not None:
                raise self._at(records, index, str(error)) from error
            last = records.first + len(records.ids) - 1
            raise AddError(f"rows {records.first} to {last}: {type(error).__name__}: {error}",
                           self.written) from error
        self.written += len(records.ids)

    def _at(self, records: _Records, index: int, message: str) -> AddError:
        row, id = records.first + index, records.ids[index]
        return AddError(f"row {row} (id {id!r}): {message}", self.written, row, id)

    def _embedded(self, records: _Records) -> Any:
        """What the collection's embedding function makes of the documents, or of what uris name."""
        texts = records.documents if records.documents is not None else records.uris
        if texts is None:
            raise ValueError(f"there is neither a column {self._names.embedding!r} of vectors nor "
                             f"one {self._names.document!r} of documents to embed")
        if None in texts:
            raise cells.CellError(texts.index(None), "there is neither a vector nor a document")
        if records.documents is not None:
            return self._collection._embedded(texts, None, None)
        return self._collection._embedded(None, None, texts)


def _metadatas(columns: Dict[str, Any], keys: List[str],
               rows: int) -> Optional[List[Optional[Dict[str, Any]]]]:
    """A dict for each row, None where it would be empty; None where there are no columns."""
    if not keys:
        return None
    made: List[Dict[str, Any]] = [{} for _ in range(rows)]
    for key in keys:
        for row, value in zip(made, cells.metadata(columns[key], key)):
            if value is not None:
                row[key] = value
    return [row or None for row in made]


def _at_fault(records: _Records) -> Optional[int]:
    """The record that the engine refused, as far as that can be seen from outside."""
    seen: Dict[str, int] = {}
    for index, id in enumerate(records.ids):
        if seen.setdefault(id, index) != index:
            return index
    for index, vector in enumerate(() if records.embeddings is None else records.embeddings):
        if not _finite(vector):
            return index
    for index, metadata in enumerate(records.metadatas or ()):
        for value in (metadata or {}).values():
            if isinstance(value, (float, list)) and not _finite(value):
                return index
    return None


def _finite(value: Union[float, Sequence[Any]]) -> bool:
    """Whether there is neither NaN nor an infinity; true of what are no numbers."""
    try:
        return bool(np.isfinite(np.asarray(value, dtype=np.float64)).all())
    except (TypeError, ValueError):
        return True
