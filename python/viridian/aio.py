"""Clients for asyncio: each call works on a thread of the loop's, and the loop goes on meanwhile.

    >>> import asyncio, viridian
    >>> async def ask():
    ...     async with await viridian.AsyncEphemeralClient() as client:
    ...         words = await client.create_collection("async-example", embedding_function=None)
    ...         await words.add(ids=["sea", "land"], embeddings=[[1.0, 0.0], [0.0, 1.0]])
    ...         return (await words.query(query_embeddings=[0.9, 0.1], n_results=1))["ids"]
    >>> asyncio.run(ask())
    [['sea']]

Names, arguments and results are those of the clients and collections that are not asynchronous.
"""
from __future__ import annotations

import asyncio
import functools
from typing import Any, Awaitable, Callable, List, Sequence

from . import client as clients
from .collection import Collection


def _awaitable(method: Callable[..., Any], convert: Callable[[Any], Any]) -> Callable[..., Any]:
    """The same method, that works on another thread."""

    @functools.wraps(method)
    async def call(self: Any, *arguments: Any, **options: Any) -> Any:
        return convert(await asyncio.to_thread(method, self._wrapped, *arguments, **options))

    return call


def _result(value: Any) -> Any:
    return value


def _wraps(names: List[str], of: type, convert: Callable[[Any], Any] = _result) -> Any:
    """A class decorator that adds the named methods of another class, to be awaited."""

    def add(cls: type) -> type:
        for name in names:
            setattr(cls, name, _awaitable(getattr(of, name), convert))
        return cls

    return add


def _shows(names: List[str], of: type) -> Any:
    """A class decorator that adds the named properties of another class, as they are."""

    def shown(name: str) -> property:
        return property(lambda self: getattr(self._wrapped, name), doc=getattr(of, name).__doc__)

    def add(cls: type) -> type:
        for name in names:
            setattr(cls, name, shown(name))
        return cls

    return add


@_shows(["id", "name", "tenant", "database", "metadata", "configuration_json", "configuration",
         "schema"], Collection)
@_wraps(["count", "add", "upsert", "update", "get", "peek", "query", "delete", "modify", "flush",
         "compact", "fork", "fork_count", "search", "get_indexing_status"], Collection)
class AsyncCollection:
    """A `Collection` whose methods are awaited; its properties are not."""

    def __init__(self, collection: Collection) -> None:
        self._wrapped = collection

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncCollection) and self._wrapped == other._wrapped

    def __repr__(self) -> str:
        return f"AsyncCollection(name={self._wrapped.name})"


def _collections(found: Sequence[Collection]) -> List[AsyncCollection]:
    return [AsyncCollection(collection) for collection in found]


@_wraps(["list_collections"], clients.Client, _collections)
@_wraps(["create_collection", "get_collection", "get_or_create_collection", "get_collection_by_id"],
        clients.Client, AsyncCollection)
@_wraps(["heartbeat", "get_version", "get_user_identity", "get_max_batch_size", "reset", "set_tenant",
         "set_database", "count_collections", "delete_collection"], clients.Client)
class AsyncClient:
    """A `Client` whose methods are awaited; `async with` closes it."""

    def __init__(self, client: clients.Client) -> None:
        self._wrapped = client

    @property
    def tenant(self) -> str:
        return self._wrapped.tenant

    @property
    def database(self) -> str:
        return self._wrapped.database

    def get_settings(self) -> Any:
        return self._wrapped.get_settings()

    async def close(self) -> None:
        """As `Client.close`."""
        await asyncio.to_thread(self._wrapped.close)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self.close()


def _maker(make: Callable[..., clients.Client]) -> Callable[..., Awaitable[AsyncClient]]:
    @functools.wraps(make)
    async def call(*arguments: Any, **options: Any) -> AsyncClient:
        return AsyncClient(await asyncio.to_thread(make, *arguments, **options))

    return call


AsyncEphemeralClient = _maker(clients.EphemeralClient)
AsyncPersistentClient = _maker(clients.PersistentClient)
AsyncHttpClient = _maker(clients.HttpClient)
