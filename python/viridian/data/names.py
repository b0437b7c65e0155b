"""Which columns are what."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set


class Default(str):
    """The name of a column that the caller did not give, and that may therefore be missing."""


ID, EMBEDDING = Default("id"), Default("embedding")
DOCUMENT, URI = Default("document"), Default("uri")


class Names:
    """The columns that have ids, vectors, documents and uris, and those that are metadata.

    None: there is no such column. `metadata` None: all others.
    """

    def __init__(self, id: Optional[str], embedding: Optional[str], document: Optional[str],
                 uri: Optional[str], metadata: Optional[Sequence[str]]) -> None:
        if isinstance(metadata, str):
            raise TypeError(f"metadata is a list of columns: metadata=[{metadata!r}]")
        self.id = id
        self.embedding = embedding
        self.document = document
        self.uri = uri
        self.metadata = None if metadata is None else list(metadata)
        self._parts = [name for name in (id, embedding, document, uri) if name is not None]
        repeated = {name for name in self._parts if self._parts.count(name) > 1}
        if repeated:
            raise ValueError(f"one column for two things: {sorted(repeated)}")
        # Those that were there once: records may leave out what others have.
        self._seen: Set[str] = {name for name in self._parts if isinstance(name, Default)}

    def is_record(self, item: Mapping[str, Any]) -> bool:
        """Whether a dict is of one record, rather than of columns."""
        for name in (self.id, self.document, self.uri):
            value = None if name is None else item.get(name)
            if value is not None:
                return not _is_column(value)
        vector = None if self.embedding is None else item.get(self.embedding)
        if vector is not None and len(vector):
            return not hasattr(next(iter(vector)), "__len__")
        return not any(_is_column(value) for value in item.values())

    def wanted(self, there: Sequence[str]) -> Optional[List[str]]:
        """The columns to read of those that are there; None: all of them."""
        if self.metadata is None:
            return None
        return [name for name in there if name in self._parts or name in self.metadata]

    def metadata_of(self, columns: Dict[str, Any]) -> List[str]:
        """The columns that are metadata.

        Raises ValueError where a column is missing that has to be there.
        """
        if self.id is not None and self.id not in columns:
            raise ValueError(
                f"there is no column {self.id!r}: say with id=\"...\" which one has the ids, or "
                f"give id=None for random ones; the columns are {_listed(columns)}")
        expected = [*self._parts, *(self.metadata or [])]
        for name in expected:
            if name not in columns and name not in self._seen:
                raise ValueError(f"there is no column {name!r}; the columns are {_listed(columns)}")
        self._seen.update(columns)
        others = columns if self.metadata is None else self.metadata
        return [name for name in others if name in columns and name not in self._parts]


def _is_column(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str)


def _listed(columns: Dict[str, Any]) -> str:
    return ", ".join(map(repr, columns)) or "none"
