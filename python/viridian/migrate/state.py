"""How far a migration is, in a small file, so that it goes on where it was interrupted."""
from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional, Union

from .report import MigrationError


class State:
    """What has been copied of each collection of the source. Without a file it is forgotten."""

    def __init__(self, path: Optional[Union[str, "os.PathLike[str]"]], source: str) -> None:
        self._path = path
        self._all: Dict[str, Any] = {"source": os.path.realpath(source), "collections": {}}
        if path is None or not os.path.exists(path):
            return
        try:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
            same = found["source"] == self._all["source"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MigrationError(f"{path} is not the state of a migration: {error}") from error
        if not same:
            raise MigrationError(f"{path} is the state of another migration, of {found['source']}")
        self._all = found

    def of(self, collection: str) -> Optional[Dict[str, Any]]:
        """{"target": id or None, "mark", "copied", "without_vector"} of a source's collection."""
        return self._all["collections"].get(collection)

    def put(self, collection: str, **what: Any) -> Dict[str, Any]:
        """Writes it down; durable on return."""
        self._all["collections"][collection] = what
        if self._path is not None:
            beside = f"{os.fspath(self._path)}.new"
            with open(beside, "w", encoding="utf-8") as file:
                json.dump(self._all, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self._path)
        return what
