"""The catalogue in Chroma's SQLite file: tenants, databases, collections and their configuration."""
from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import sqlite3
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..config import DEFAULT_DATABASE, DEFAULT_TENANT
from .report import MigrationError

FILE = "chroma.sqlite3"

# Keys of metadata in which Chroma before 1.0 has the index's parameters, as they are called since.
_PARAMETERS = {
    "hnsw:space": "space",
    "hnsw:construction_ef": "ef_construction",
    "hnsw:search_ef": "ef_search",
    "hnsw:M": "max_neighbors",
    "hnsw:resize_factor": "resize_factor",
    "hnsw:sync_threshold": "sync_threshold",
}


@dataclasses.dataclass(frozen=True)
class SourceCollection:
    """A collection of Chroma's, without its records."""

    id: str
    tenant: str
    database: str
    name: str
    metadata: Optional[Dict[str, Any]]
    definition: Dict[str, Any]
    """The "schema" or the "configuration" that makes a collection like it."""
    space: str
    segments: Dict[str, str]
    """The ids of its segments, by scope: METADATA and VECTOR."""


@contextlib.contextmanager
def opened(directory: str) -> Iterator[sqlite3.Connection]:
    """Chroma's SQLite file, in one read transaction: whoever writes to it meanwhile has to wait.

    Nothing is written, no journal either: a file that a crash left in need of repair is refused.
    """
    file = pathlib.Path(os.path.realpath(directory)) / FILE
    if not file.is_file():
        raise MigrationError(f"{directory} is no directory of Chroma's: it has no {FILE}")
    journal = file.with_name(FILE + "-journal")
    if journal.exists() and journal.stat().st_size > 0:
        raise MigrationError(f"{journal} is there: Chroma is writing, or ended within a write. Let "
                             "it finish, or open the directory with Chroma once")
    connection = sqlite3.connect(_uri(file), uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM collections LIMIT 1").fetchall()
        yield connection
    except sqlite3.DatabaseError as error:
        raise MigrationError(f"{file} cannot be read: {error}") from error
    finally:
        connection.close()


def _uri(file: pathlib.Path) -> str:
    """How the file is opened: as one that cannot change where nobody could have it open to write.

    That is so for media that are read-only, where SQLite could not make the files beside one with a
    write-ahead log that it needs even for reading.
    """
    fixed = not os.access(file, os.W_OK) and not os.access(file.parent, os.W_OK)
    return file.as_uri() + "?mode=ro" + ("&immutable=1" if fixed else "")


def tenants_and_databases(connection: sqlite3.Connection) -> List[Tuple[str, Optional[str]]]:
    """All (tenant, database), those without collections too; database is None for an empty tenant."""
    if not has_table(connection, "tenants"):
        return [(DEFAULT_TENANT, DEFAULT_DATABASE)]
    return [tuple(row) for row in connection.execute(
        "SELECT tenants.id, databases.name FROM tenants "
        "LEFT JOIN databases ON databases.tenant_id = tenants.id ORDER BY 1, 2")]


def collections(connection: sqlite3.Connection) -> List[SourceCollection]:
    """All collections, by tenant, database and name."""
    if has_table(connection, "tenants"):
        found = connection.execute(
            "SELECT collections.*, databases.name AS database, databases.tenant_id AS tenant "
            "FROM collections JOIN databases ON databases.id = collections.database_id "
            "ORDER BY tenant, database, collections.name")
    else:  # before 0.4.15
        found = connection.execute("SELECT *, ? AS database, ? AS tenant FROM collections ORDER BY name",
                                   (DEFAULT_DATABASE, DEFAULT_TENANT))
    return [_collection(connection, row) for row in found.fetchall()]


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether the version that wrote the file had a table."""
    return connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)).fetchone() is not None


def _collection(connection: sqlite3.Connection, row: sqlite3.Row) -> SourceCollection:
    segments = {segment["scope"]: segment["id"] for segment in connection.execute(
        "SELECT scope, id FROM segments WHERE collection = ?", (row["id"],))}
    own = _metadata(connection, "collection", row["id"])
    index = _metadata(connection, "segment", segments.get("VECTOR", ""))
    definition = _definition(_json(row, "schema_str"), _json(row, "config_json_str"), {**own, **index})
    return SourceCollection(
        id=row["id"], tenant=row["tenant"], database=row["database"], name=row["name"],
        metadata=own or None, definition=definition, space=_space(definition), segments=segments)


def _metadata(connection: sqlite3.Connection, of: str, id: str) -> Dict[str, Any]:
    rows = connection.execute(f"SELECT * FROM {of}_metadata WHERE {of}_id = ?", (id,))
    return {row["key"]: value(row, "str_value") for row in rows}


def value(row: sqlite3.Row, text: str) -> Any:
    """The one value of a row of metadata, whose text is in the column `text`.

    Chroma had no column for booleans at first.
    """
    if "bool_value" in row.keys() and row["bool_value"] is not None:
        return bool(row["bool_value"])
    for column in (text, "int_value", "float_value"):
        if row[column] is not None:
            return row[column]
    return None


def _json(row: sqlite3.Row, column: str) -> Dict[str, Any]:
    """A column that older versions do not have."""
    text = row[column] if column in row.keys() else None
    return (json.loads(text) if text else None) or {}


def _definition(schema: Dict[str, Any], configuration: Dict[str, Any],
                keys: Dict[str, Any]) -> Dict[str, Any]:
    """What the collection is made from: the newest form that there is counts.

    Those are a schema, which the newest versions write; a configuration, which 1.0 began with; and
    `keys`: metadata, of the segment before the collection's own, which may have been changed since.
    The configuration that 0.5 and 0.6 write has another form, and counts for nothing: it has
    defaults only.
    """
    if schema:
        return {"schema": schema}
    nested = configuration.get("vector_index")
    index = nested if isinstance(nested, dict) else configuration
    found = {name: index[name] for name in ("hnsw", "spann") if index.get(name)}
    hnsw = {name: keys[key] for key, name in _PARAMETERS.items() if key in keys}
    if hnsw and not found:
        found["hnsw"] = hnsw
    if configuration.get("embedding_function"):
        found["embedding_function"] = configuration["embedding_function"]
    return {"configuration": found} if found else {}


def _space(definition: Dict[str, Any]) -> str:
    """The space of the vector index: "l2" where nothing says one, as in Chroma."""
    configuration = definition.get("configuration", {})
    if "schema" in definition:
        index = definition["schema"].get("keys", {}).get("#embedding", {}).get("float_list", {})
        configuration = {"hnsw": index.get("vector_index", {}).get("config", {})}
    for name in ("hnsw", "spann"):
        if configuration.get(name):
            return configuration[name].get("space") or "l2"
    return "l2"
