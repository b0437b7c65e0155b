"""The columns that a collection's records make: one for each key of metadata, of one type."""
from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Set

from ..types import GetResult

MIXED = "mixed"


class ChangedError(RuntimeError):
    """A collection was written to while it was being read twice; reading it again will do."""


class Schema:
    """What columns there are, and the length of the vectors.

    `names`: how the columns that are no metadata are called, by what they have.
    """

    def __init__(self, names: Dict[str, str]) -> None:
        self.names = names
        self.dimension = 0
        self._found: Dict[str, Set[str]] = {}

    def see(self, page: GetResult) -> None:
        """Takes a page's records into account."""
        if page["embeddings"] is not None and len(page["embeddings"]):
            self.dimension = page["embeddings"].shape[1]
        for metadata in page["metadatas"] or ():
            for key, value in (metadata or {}).items():
                self._found.setdefault(key, set()).add(_kind(value))

    @property
    def keys(self) -> Dict[str, str]:
        """The type of each key's column, by key in the order of their names.

        Raises ValueError where a key is named as another column is.
        """
        for part, name in self.names.items():
            if name in self._found:
                raise ValueError(f"there is metadata {name!r}, as the column of the {part}s is "
                                 f"called: give that another name with names={{{part!r}: ...}}")
        return {key: _column_kind(self._found[key]) for key in sorted(self._found)}

    def columns(self, page: GetResult, keys: Dict[str, str]) -> Dict[str, List[Any]]:
        """The values of each key in a page; None where a record has none.

        Raises ChangedError for a key, or a value of a type, that was not seen before.
        """
        rows = len(page["ids"])
        made: Dict[str, List[Any]] = {key: [None] * rows for key in keys}
        for row, metadata in enumerate(page["metadatas"] or ()):
            for key, value in (metadata or {}).items():
                if key not in made or _kind(value) not in self._found[key]:
                    raise ChangedError(f"metadata {key!r} of record {page['ids'][row]!r} came into "
                                       "the collection while it was being read: read it again")
                made[key][row] = value
        return made


def _kind(value: Any) -> str:
    if not isinstance(value, list):
        return type(value).__name__
    return f"list of {type(value[0]).__name__}" if value else "list of nothing"


def _column_kind(found: Set[str]) -> str:
    """The one type of a column; MIXED where its values have several."""
    kinds = found - {"list of nothing"}
    if not kinds:
        return "list of str"
    if len(kinds) > 1 or (len(found) > 1 and not next(iter(kinds)).startswith("list")):
        return MIXED
    return next(iter(kinds))


def as_json(values: List[Any]) -> List[Optional[str]]:
    """Values of several types as texts that tell them apart."""
    return [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
