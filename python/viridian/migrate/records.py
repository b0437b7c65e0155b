"""The records of a collection of Chroma's, put together from its tables, queue and vector files."""
from __future__ import annotations

import dataclasses
import sqlite3
from typing import Any, Dict, List, Optional, Sequence

import numpy

from . import catalogue, vector_files
from .queue import ADD, BEFORE_ALL, DELETE, UPDATE, Queue, Range, Write, position

# Chroma writes other keys that begin so, too, where a program gives them, and shows none.
OWN = "chroma:"
DOCUMENT, URI = OWN + "document", OWN + "uri"


@dataclasses.dataclass
class Batch:
    """Records, column by column."""

    ids: List[str]
    vectors: List[Optional[numpy.ndarray]]
    metadatas: List[Optional[Dict[str, Any]]]
    documents: List[Optional[str]]
    uris: List[Optional[str]]


class Records:
    """The records of a collection in the order of their insertion, read as they are asked for."""

    def __init__(self, connection: sqlite3.Connection, directory: str,
                 collection: catalogue.SourceCollection, entries: Optional[Range]) -> None:
        """`entries`: what there is of it in the queue."""
        self._connection = connection
        self._queue = Queue(connection, entries)
        segment = collection.segments.get("METADATA")
        # Sorted by SQLite, so that it finds the segment's rows in an index first.
        self._rows: Dict[str, Optional[int]] = dict(map(tuple, connection.execute(
            "SELECT embedding_id, id FROM embeddings WHERE segment_id = ? ORDER BY +id", (segment,))))
        applied = position(connection, segment)
        applied = BEFORE_ALL if applied is None else applied
        self.mark = max(applied, self._queue.newest())
        """Grows with every write to the collection."""
        self._changed = self._changes(applied)
        self.ids: List[str] = list(self._rows)
        vectors = collection.segments.get("VECTOR")
        self._files = vector_files.of_segment(directory, vectors, collection.space == "cosine")
        self._entries = self._queue.vectors(self._position(vectors), self._files)

    def read(self, ids: Sequence[str]) -> Batch:
        """Those records; a vector is None where it is nowhere, or not of finite numbers."""
        wanted = list(ids)
        stored = self._values([row for row in map(self._rows.get, wanted) if row is not None])
        values = [self._changed[id] if id in self._changed else stored.get(self._rows[id], {})
                  for id in wanted]
        vectors = self._vectors(wanted)
        return Batch(
            wanted, [vectors.get(id) for id in wanted],
            [{key: value for key, value in one.items() if not key.startswith(OWN)} or None
             for one in values],
            [one.get(DOCUMENT) for one in values], [one.get(URI) for one in values])

    def _position(self, segment: Optional[str]) -> int:
        """Up to where the queue is in the vector files."""
        if self._files is None:
            return BEFORE_ALL
        found = position(self._connection, segment)
        found = self._files.position if found is None else found
        return BEFORE_ALL if found is None else found

    def _values(self, rows: List[int]) -> Dict[Optional[int], Dict[str, Any]]:
        """The values in the tables, by row."""
        found: Dict[Optional[int], Dict[str, Any]] = {}
        marks = ",".join("?" * len(rows))
        for row in self._connection.execute(
                f"SELECT * FROM embedding_metadata WHERE id IN ({marks}) ORDER BY id, rowid", rows):
            found.setdefault(row["id"], {})[row["key"]] = catalogue.value(row, "string_value")
        if catalogue.has_table(self._connection, "embedding_metadata_array"):
            for row in self._connection.execute(
                    f"SELECT * FROM embedding_metadata_array WHERE id IN ({marks}) ORDER BY rowid", rows):
                of_record = found.setdefault(row["id"], {})
                of_record.setdefault(row["key"], []).append(catalogue.value(row, "string_value"))
        return found

    def _changes(self, applied: int) -> Dict[str, Dict[str, Any]]:
        """The values of records that writes change which are in the queue, but not in the tables.

        There are some where Chroma ended between the two. Rows that they make or delete come and go.
        """
        changed: Dict[str, Dict[str, Any]] = {}
        for write in self._queue.writes(applied):
            row = self._rows.get(write.id)
            old = None
            if write.id in self._rows:
                old = changed[write.id] if write.id in changed else (
                    self._values([row]).get(row, {}) if row is not None else {})
            new = _applied(old, write)
            if new is None:
                changed.pop(write.id, None)
                self._rows.pop(write.id, None)
            else:
                self._rows.setdefault(write.id, None)
                changed[write.id] = new
        return changed

    def _vectors(self, ids: List[str]) -> Dict[str, numpy.ndarray]:
        in_queue = {id: entry for id in ids if (entry := self._entries.get(id)) is not None}
        read = self._queue.read(list(in_queue.values())) if in_queue else {}
        found = {id: read[entry] for id, entry in in_queue.items()}
        if self._files is not None:
            found.update(self._files.read([id for id in ids if id not in self._entries]))
        # Chroma before 1.0 took NaN, near which nothing is.
        return {id: vector for id, vector in found.items() if numpy.isfinite(vector).all()}


def _applied(old: Optional[Dict[str, Any]], write: Write) -> Optional[Dict[str, Any]]:
    """The values of a record after a write; None for no record."""
    if write.operation == DELETE or (write.operation == UPDATE and old is None):
        return None
    if write.operation == ADD and old is not None:
        return old
    merged = {**(old or {}), **write.values}
    return {key: value for key, value in merged.items() if value is not None}
