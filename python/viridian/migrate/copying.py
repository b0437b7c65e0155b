"""Copies the collections of a directory of Chroma's into a database."""
from __future__ import annotations

import json
import os
import sqlite3
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from .. import errors
from ..client import Client
from ..collection import Collection
from . import catalogue, checks, queue
from .records import Records
from .report import CollectionReport, MigrationError, Progress, Report
from .state import State

# Below the numbers of parameters that SQLite takes in any version.
_BATCH = 500


def from_chroma(directory: Union[str, "os.PathLike[str]"], client: Client,
                progress: Optional[Callable[[Progress], None]] = None,
                state: Optional[Union[str, "os.PathLike[str]"]] = None) -> Report:
    """Copies every tenant, database and collection that Chroma keeps in a directory.

    The directory is only read, and nobody can write to it meanwhile. `state` is a file in which is
    written how far the copy is: with it a call that was interrupted is made again and goes on.
    `progress` is called after each batch of records.

    Raises MigrationError where the directory cannot be read, a collection is in the target
    already that this migration did not make, or the source was written to since an interruption.
    """
    root = os.fspath(directory)
    with catalogue.opened(root) as connection:
        kept = State(state, root)
        _make_places(connection, client)
        sources = catalogue.collections(connection)
        for source in sources:
            _refuse_others(client, source, kept.of(source.id))
        entries = queue.ranges(connection)
        reports = []
        for source in sources:
            records = Records(connection, root, source, entries.get(source.id))
            reports.append(_Copy(client, source, records, kept, progress).run())
        return Report(reports)


def _make_places(connection: sqlite3.Connection, client: Client) -> None:
    """Tenants and databases, where they are missing."""
    database = client._session.database
    for tenant, name in catalogue.tenants_and_databases(connection):
        try:
            database.get_tenant(tenant)
        except errors.NotFoundError:
            database.create_tenant(tenant)
        if name is None:
            continue
        try:
            database.get_database(tenant, name)
        except errors.NotFoundError:
            database.create_database(tenant, name)


def _found(client: Client, source: catalogue.SourceCollection) -> Optional[Collection]:
    """The target's collection of that name."""
    try:
        model = client._session.database.get_collection(source.tenant, source.database, source.name)
    except errors.NotFoundError:
        return None
    return Collection(client._session, json.loads(model), None)


def _refuse_others(client: Client, source: catalogue.SourceCollection,
                   known: Optional[Dict[str, Any]]) -> None:
    """Fails, before anything is copied, where the target has a collection that is not this copy."""
    found = _found(client, source)
    if found is None:
        return
    # Interrupted between the creation and the note of it, there is an empty collection.
    ours = known is not None and (str(found.id) == known["target"] or
                                  (known["target"] is None and found.count() == 0))
    if not ours:
        raise MigrationError(
            f"there is a collection {source.name!r} already in the target's {source.tenant}/"
            f"{source.database}: rename or delete it, or give the state file of the migration that "
            "made it")


class _Copy:
    """The copy of one collection."""

    def __init__(self, client: Client, source: catalogue.SourceCollection, records: Records,
                 state: State, progress: Optional[Callable[[Progress], None]]) -> None:
        self._client = client
        self._source = source
        self._records = records
        self._state = state
        self._progress = progress

    def run(self) -> CollectionReport:
        target, known = self._target()
        before = known["copied"] - len(known["without_vector"])
        while known["copied"] < len(self._records.ids):
            known = self._batch(target, known)
        without = known["without_vector"]
        compared, differences = checks.compared(target, self._records, without)
        source = self._source
        return CollectionReport(source.tenant, source.database, source.name, len(self._records.ids),
                                known["copied"] - len(without) - before, without, compared, differences)

    def _target(self) -> Tuple[Collection, Dict[str, Any]]:
        """The collection to copy into, and what is known of it."""
        source = self._source
        known = self._state.of(source.id)
        if known is not None and known["mark"] != self._records.mark:
            raise MigrationError(
                f"collection {source.name!r} was written to in Chroma since its copy began: delete "
                "the copy and the state file, and begin again")
        target = _found(self._client, source)
        if known is None or target is None:
            known = self._note(None, 0, [])
        if target is None:
            target = Collection(self._client._session, self._made(), None)
        return target, self._note(str(target.id), known["copied"], known["without_vector"])

    def _made(self) -> Dict[str, Any]:
        """The target's new collection."""
        source = self._source
        request = {"name": source.name, **source.definition}
        if source.metadata:
            request["metadata"] = source.metadata
        try:
            return json.loads(self._client._session.database.create_collection(
                source.tenant, source.database, json.dumps(request, allow_nan=False)))
        except ValueError as error:  # of JSON, or of the engine
            raise MigrationError(f"collection {source.name!r} cannot be made, with the metadata "
                                 f"{source.metadata}: {error}. Change it in Chroma") from error

    def _batch(self, target: Collection, known: Dict[str, Any]) -> Dict[str, Any]:
        """Copies the next records. Made twice it changes nothing."""
        first = known["copied"]
        ids = self._records.ids[first:first + min(_BATCH, self._client.get_max_batch_size())]
        batch = self._records.read(ids)
        there = [index for index, vector in enumerate(batch.vectors) if vector is not None]
        without = [id for id, vector in zip(batch.ids, batch.vectors) if vector is None]
        if there:
            target.upsert(ids=[batch.ids[index] for index in there],
                          embeddings=[batch.vectors[index] for index in there],
                          metadatas=[batch.metadatas[index] for index in there],
                          documents=[batch.documents[index] for index in there],
                          uris=[batch.uris[index] for index in there])
        known = self._note(known["target"], first + len(ids), known["without_vector"] + without)
        if self._progress is not None:
            self._progress(Progress(self._source.tenant, self._source.database, self._source.name,
                                    known["copied"], len(self._records.ids)))
        return known

    def _note(self, target: Optional[str], copied: int, without_vector: List[str]) -> Dict[str, Any]:
        return self._state.put(self._source.id, target=target, mark=self._records.mark, copied=copied,
                               without_vector=without_vector)
