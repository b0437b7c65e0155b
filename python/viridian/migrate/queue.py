"""Chroma's queue of writes: what is in it but not yet in the tables or in the vector files."""
from __future__ import annotations

import dataclasses
import json
import sqlite3
from typing import Any, Dict, Iterator, List, Optional

import numpy

from .report import MigrationError
from .vector_files import VectorFiles

ADD, UPDATE, UPSERT, DELETE = range(4)
_ENCODINGS = {"FLOAT32": "<f4", "INT32": "<i4"}


BEFORE_ALL = -1
"""A position in the queue before its first entry."""


@dataclasses.dataclass(frozen=True)
class Range:
    """Which entries are a collection's: those of a topic, between two numbers."""

    topic: str
    first: int
    last: int


@dataclasses.dataclass(frozen=True)
class Write:
    """An entry of the queue."""

    operation: int
    id: str
    values: Dict[str, Any]
    """Metadata, with the document and the uri in it; None for a key to be removed."""


def ranges(connection: sqlite3.Connection) -> Dict[str, Range]:
    """Which entries there are of each collection, by its id. Reads the whole queue."""
    found = connection.execute(
        "SELECT topic, min(seq_id), max(seq_id) FROM embeddings_queue GROUP BY topic")
    # Before the collection's id are a tenant and a namespace, which settings may change.
    return {topic.rpartition("/")[2]: Range(topic, first, last) for topic, first, last in found}


class Queue:
    """The entries of one collection."""

    def __init__(self, connection: sqlite3.Connection, entries: Optional[Range]) -> None:
        self._connection = connection
        self._range = entries or Range("", 0, BEFORE_ALL)

    def newest(self) -> int:
        """The number of the newest entry; BEFORE_ALL without one."""
        return self._range.last

    def writes(self, after: int) -> Iterator[Write]:
        """The entries after a position, oldest first."""
        for row in self._after(after, "operation, id, metadata"):
            values = json.loads(row["metadata"]) if row["metadata"] else None
            yield Write(row["operation"], row["id"], values or {})

    def vectors(self, after: int, files: Optional[VectorFiles]) -> Dict[str, Optional[int]]:
        """Where the vectors are that entries after a position set: by id, the entry's number.

        None for one that was deleted. `files`: what there was at that position.
        """
        found: Dict[str, Optional[int]] = {}
        for seq_id, operation, id, has_vector in self._after(
                after, "seq_id, operation, id, vector IS NOT NULL"):
            exists = found[id] is not None if id in found else files is not None and id in files
            if operation == DELETE:
                found[id] = None
            elif has_vector and (operation == UPSERT or exists == (operation == UPDATE)):
                found[id] = seq_id
        return found

    def read(self, entries: List[int]) -> Dict[int, numpy.ndarray]:
        """The vectors of those entries."""
        marks = ",".join("?" * len(entries))
        return {row["seq_id"]: _decoded(row) for row in self._connection.execute(
            f"SELECT seq_id, vector, encoding FROM embeddings_queue WHERE seq_id IN ({marks})", entries)}

    def _after(self, after: int, columns: str) -> Iterator[sqlite3.Row]:
        """The entries after a position, oldest first."""
        return self._connection.execute(
            f"SELECT {columns} FROM embeddings_queue WHERE topic = ? AND seq_id BETWEEN ? AND ? "
            "ORDER BY seq_id", (self._range.topic, max(self._range.first, after + 1), self._range.last))


def _decoded(row: sqlite3.Row) -> numpy.ndarray:
    if row["encoding"] not in _ENCODINGS:
        raise MigrationError(f"entry {row['seq_id']} of the queue has a vector of an unknown encoding, "
                             f"{row['encoding']!r}")
    return numpy.frombuffer(row["vector"], _ENCODINGS[row["encoding"]]).astype(numpy.float32)


def position(connection: sqlite3.Connection, segment: Optional[str]) -> Optional[int]:
    """The newest entry that a segment has taken from the queue; None where that is not written."""
    row = connection.execute(
        "SELECT seq_id FROM max_seq_id WHERE segment_id = ?", (segment,)).fetchone()
    if row is None or row[0] is None:
        return None
    return row[0] if isinstance(row[0], int) else int.from_bytes(row[0], "big")
