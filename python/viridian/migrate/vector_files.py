"""The files of a persisted vector index of Chroma's: hnswlib's, and the ids beside them."""
from __future__ import annotations

import os
import pickle
import struct
from typing import Any, Dict, List, Optional

import numpy

from .report import MigrationError

# hnswlib as Chroma persists it, little-endian and unpadded: version; offset of level 0, capacity,
# elements, bytes of an element, where its label and its vector are; the rest is about the graph.
_HEADER = struct.Struct("<i6Q")
_VERSION = 1


class _Data:
    """Takes the place of the one class that the ids are pickled as before 1.0."""


class _Unpickler(pickle.Unpickler):
    """Reads numbers, strings and dicts; of all classes only that one, and none of its code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("chromadb.segment.impl.vector.local_persistent_hnsw", "PersistentData"):
            return _Data
        raise pickle.UnpicklingError(f"{module}.{name} has no place there")


class VectorFiles:
    """The vectors of a segment as they were when it was last written to its directory."""

    def __init__(self, directory: str, unit: bool) -> None:
        """`unit`: the vectors are kept as unit vectors and their lengths (space "cosine")."""
        self._directory = directory
        ids = self._ids()
        self.position: Optional[int] = ids.get("max_seq_id")
        """The newest entry of the queue that is in it; None in files that do not say (since 0.6)."""
        self._labels: Dict[str, int] = ids.get("id_to_label") or {}
        self._vectors = numpy.empty((0, 0), numpy.float32)
        self._lengths: Optional[numpy.ndarray] = None
        self._sorted = self._order = numpy.empty(0, numpy.int64)
        if self._labels:
            self._map(unit)

    def __contains__(self, id: str) -> bool:
        return id in self._labels

    def read(self, ids: List[str]) -> Dict[str, numpy.ndarray]:
        """The vectors of those ids that are there."""
        known = [id for id in ids if id in self._labels]
        labels = numpy.array([self._labels[id] for id in known], numpy.int64)
        places = numpy.searchsorted(self._sorted, labels)
        inside = places < len(self._sorted)
        inside[inside] = self._sorted[places[inside]] == labels[inside]
        elements = self._order[places[inside]]
        vectors = numpy.array(self._vectors[elements], numpy.float32)
        if self._lengths is not None:
            vectors *= self._lengths[elements][:, None]
        return dict(zip((id for id, there in zip(known, inside) if there), vectors))

    def _ids(self) -> Dict[str, Any]:
        path = os.path.join(self._directory, "index_metadata.pickle")
        try:
            with open(path, "rb") as file:
                found = _Unpickler(file).load()
            return found if isinstance(found, dict) else vars(found)
        except Exception as error:  # damaged bytes can make the unpickler raise anything
            raise MigrationError(f"{path} cannot be read: {error}") from error

    def _map(self, unit: bool) -> None:
        """Lays arrays over the file of the bottom level, which holds every element."""
        path = os.path.join(self._directory, "header.bin")
        try:
            with open(path, "rb") as file:
                header = _HEADER.unpack(file.read(_HEADER.size))
            bottom = numpy.memmap(os.path.join(self._directory, "data_level0.bin"), numpy.uint8, "r")
            if unit:
                self._lengths = numpy.fromfile(os.path.join(self._directory, "length.bin"), "<f4")
        except (OSError, ValueError, struct.error) as error:
            raise MigrationError(f"the vectors beside {path} cannot be read: {error}") from error
        version, _, _, elements, size, label, vector = header
        if version != _VERSION or not (vector < label <= size - 8) or (label - vector) % 4 != 0:
            raise MigrationError(f"{path} is not as Chroma writes it")
        # Of files that were cut off, what is there can be read.
        elements = min(elements, len(bottom) // size)
        if self._lengths is not None:
            elements = min(elements, len(self._lengths))
        rows = bottom[:elements * size].reshape(elements, size)
        self._vectors = numpy.ndarray((elements, (label - vector) // 4), "<f4", rows, vector, (size, 4))
        labels = rows[:, label:label + 8].copy().view("<i8")[:, 0]
        self._order = numpy.argsort(labels, kind="stable")
        self._sorted = labels[self._order]


def of_segment(root: str, segment: Optional[str], unit: bool) -> Optional[VectorFiles]:
    """The files of a segment in Chroma's directory; None where it has not been written yet."""
    directory = os.path.join(root, segment or "")
    if not segment or not os.path.exists(os.path.join(directory, "index_metadata.pickle")):
        return None
    return VectorFiles(directory, unit)
