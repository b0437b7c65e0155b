"""Clients: databases in this process or on a server, and their collections."""
from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Union

from . import configuration as configurations, embedding, remote, session as sessions
from .collection import Collection
from .config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings
from .errors import UnavailableError
from .types import CollectionMetadata

if TYPE_CHECKING:
    from uuid import UUID


class AdminClient:
    """Tenants and databases.

        >>> import viridian
        >>> admin = viridian.AdminClient()
        >>> admin.create_tenant("press")
        >>> admin.create_database("novels", tenant="press")
        >>> [database["name"] for database in admin.list_databases(tenant="press")]
        ['novels']
    """

    def __init__(self, session: sessions.Session) -> None:
        self._session = session

    def create_tenant(self, name: str) -> None:
        self._session.database.create_tenant(name)

    def get_tenant(self, name: str) -> Dict[str, Any]:
        """{"name"}; NotFoundError where there is none."""
        return {"name": json.loads(self._session.database.get_tenant(name))["name"]}

    def create_database(self, name: str, tenant: str = DEFAULT_TENANT) -> None:
        self._session.database.create_database(tenant, name)

    def get_database(self, name: str, tenant: str = DEFAULT_TENANT) -> Dict[str, Any]:
        """{"id", "name", "tenant"}; NotFoundError where there is none."""
        return _database(json.loads(self._session.database.get_database(tenant, name)))

    def list_databases(self, limit: Optional[int] = None, offset: Optional[int] = None,
                       tenant: str = DEFAULT_TENANT) -> List[Dict[str, Any]]:
        text = self._session.database.list_databases(tenant, limit, offset or 0)
        return [_database(found) for found in json.loads(text)]

    def delete_database(self, name: str, tenant: str = DEFAULT_TENANT) -> None:
        """Deletes a database with all that is in it."""
        self._session.database.delete_database(tenant, name)


def _database(found: Dict[str, Any]) -> Dict[str, Any]:
    from uuid import UUID
    return {**found, "id": UUID(found["id"])}


class Client:
    """Makes collections, finds and deletes them. Safe from many threads; `with` closes it.

        >>> import viridian
        >>> with viridian.EphemeralClient() as client:
        ...     notes = client.get_or_create_collection("notes", embedding_function=None)
        ...     notes.add(ids="1", embeddings=[1.0, 2.0], documents="a note")
        ...     "notes" in [collection.name for collection in client.list_collections()]
        True

    A client does not work in a forked process: it raises FailedPreconditionError there. Open one
    in each process.
    """

    def __init__(self, session: sessions.Session, tenant: str, database: str,
                 settings: Settings) -> None:
        self._session = session  # which counts this client already
        self._open = True
        self._settings = settings
        self.tenant = tenant
        self.database = database
        try:
            self.set_tenant(tenant, database)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Waits for calls under way and closes, once no other client uses the same database."""
        if self._open:
            self._open = False
            self._session.release(close=True)

    def __copy__(self) -> "Client":
        return Client(self._session.acquire(), self.tenant, self.database, self._settings)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self._session.release(close=False)

    def set_tenant(self, tenant: str, database: str = DEFAULT_DATABASE) -> None:
        """Looks at another tenant's database from now on; NotFoundError where there is none."""
        self._session.database.get_tenant(tenant)
        self._session.database.get_database(tenant, database)
        self.tenant, self.database = tenant, database

    def set_database(self, database: str) -> None:
        """Looks at another database of the tenant from now on."""
        self.set_tenant(self.tenant, database)

    def heartbeat(self) -> int:
        """The time of whoever answers, in nanoseconds since 1970."""
        return self._session.database.heartbeat()

    def get_version(self) -> str:
        """The version of Chroma's interface that is spoken."""
        return self._session.database.version()

    def get_settings(self) -> Settings:
        return self._settings

    def get_user_identity(self) -> Dict[str, Any]:
        return json.loads(self._session.database.identity())

    def get_max_batch_size(self) -> int:
        """Records that one call should have at most; more work too."""
        return self._session.database.max_batch_size()

    def reset(self) -> bool:
        """Deletes everything. AuthorizationError unless Settings(allow_reset=True)."""
        self._session.database.reset()
        return True

    def create_collection(self, name: str, schema: Optional[Any] = None,
                          configuration: Optional[Dict[str, Any]] = None,
                          metadata: Optional[CollectionMetadata] = None,
                          embedding_function: Optional[Any] = embedding.DEFAULT,
                          data_loader: Optional[Callable[[List[str]], Any]] = None,
                          get_or_create: bool = False) -> Collection:
        """Makes a collection.

        `configuration`: {"hnsw": {"space": "l2" | "cosine" | "ip", ...}}. `embedding_function`:
        turns documents into vectors, and is stored with the collection; None where every record
        comes with its vector.

        Raises InternalError (UniqueConstraintError) where the name is taken, InvalidArgumentError
        for a name or metadata that are not allowed.
        """
        stored, function = configurations.for_create(configuration, metadata, embedding_function)
        request: Dict[str, Any] = {"name": name, "get_or_create": get_or_create}
        if stored is not None:
            request["configuration"] = stored
        if metadata is not None:
            request["metadata"] = metadata
        if schema is not None:
            request["schema"] = _schema(schema)
        model = json.loads(self._session.database.create_collection(
            self.tenant, self.database, configurations.body(request)))
        if get_or_create:
            _refuse_conflict(function, model)
        return Collection(self._session, model, function, data_loader)

    def get_or_create_collection(self, name: str, schema: Optional[Any] = None,
                                 configuration: Optional[Dict[str, Any]] = None,
                                 metadata: Optional[CollectionMetadata] = None,
                                 embedding_function: Optional[Any] = embedding.DEFAULT,
                                 data_loader: Optional[Callable[[List[str]], Any]] = None
                                 ) -> Collection:
        """The collection of that name, which stays as it is; or a new one."""
        return self.create_collection(name, schema, configuration, metadata, embedding_function,
                                      data_loader, get_or_create=True)

    def get_collection(self, name: str,
                       embedding_function: Optional[Any] = embedding.DEFAULT,
                       data_loader: Optional[Callable[[List[str]], Any]] = None) -> Collection:
        """The collection of that name.

        Raises NotFoundError where there is none, ValueError where it has another embedding
        function.
        """
        model = json.loads(self._session.database.get_collection(self.tenant, self.database, name))
        _refuse_conflict(embedding_function, model)
        return Collection(self._session, model, embedding_function, data_loader)

    def get_collection_by_id(self, id: "Union[UUID, str]",
                             embedding_function: Optional[Any] = embedding.DEFAULT,
                             data_loader: Optional[Callable[[List[str]], Any]] = None) -> Collection:
        """The collection of that UUID. As `get_collection` otherwise."""
        model = json.loads(self._session.database.get_collection_by_id(
            self.tenant, self.database, str(id)))
        _refuse_conflict(embedding_function, model)
        return Collection(self._session, model, embedding_function, data_loader)

    def list_collections(self, limit: Optional[int] = None,
                         offset: Optional[int] = None) -> Sequence[Collection]:
        """The collections of the database, or a part of them."""
        text = self._session.database.list_collections(self.tenant, self.database, limit,
                                                       offset or 0)
        return [Collection(self._session, model) for model in json.loads(text)]

    def count_collections(self) -> int:
        return self._session.database.count_collections(self.tenant, self.database)

    def delete_collection(self, name: str) -> None:
        """Deletes a collection with its records; NotFoundError where there is none."""
        self._session.database.delete_collection(self.tenant, self.database, name)


def _schema(schema: Any) -> Any:
    """A schema as JSON: a dict, or an object of Chroma's."""
    return schema.serialize_to_json() if hasattr(schema, "serialize_to_json") else schema


def _refuse_conflict(function: Any, model: Dict[str, Any]) -> None:
    stored = model["configuration_json"].get("embedding_function") or {}
    configurations.refuse_conflict(function, stored.get("name"))


def EphemeralClient(settings: Optional[Settings] = None, tenant: str = DEFAULT_TENANT,
                    database: str = DEFAULT_DATABASE) -> Client:
    """A client of the database in memory, which all such clients of the process share.

    It is gone when the last of them is closed, or with the process.
    """
    settings = settings or Settings()
    return Client(sessions.memory(settings.of_engine()), str(tenant), str(database), settings)


def PersistentClient(path: Union[str, "os.PathLike[str]"] = "./chroma",
                     settings: Optional[Settings] = None, tenant: str = DEFAULT_TENANT,
                     database: str = DEFAULT_DATABASE) -> Client:
    """A client of the database in a directory, which is made where it is not there.

    One process at a time: FailedPreconditionError names the other one. It is raised for a directory
    of Chroma's, too, which `viridian.migrate` copies.
    """
    settings = settings or Settings()
    return Client(sessions.directory(path, settings.of_engine()), str(tenant), str(database), settings)


def HttpClient(host: str = "localhost", port: int = 8000, ssl: bool = False,
               headers: Optional[Dict[str, str]] = None, settings: Optional[Settings] = None,
               tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE) -> Client:
    """A client of a Viridian server.

    `host`: a name, or an address such as "https://host:port/prefix". `ssl`: with TLS, as for
    https. The server's certificate has to be for its name and be vouched for by those that the
    system trusts, or by those in the file `Settings(chroma_server_ssl_verify="ca.pem")`; False for
    any. `headers`: sent with each request.

    Raises ValueError where no server answers, FailedPreconditionError where its certificate is not
    trusted, AuthorizationError where it, or a proxy before it, wants other credentials.

        >>> import viridian
        >>> viridian.HttpClient("https://localhost:1")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: there is no server at https://localhost:1: ...
    """
    settings = settings or Settings()
    url = remote.url(host, port, ssl)
    engine = remote.engine_settings(settings, headers)
    try:
        session = sessions.server(url, engine)
    except UnavailableError as error:
        raise ValueError(f"there is no server at {url}: {error}") from error
    return Client(session, str(tenant), str(database), settings)


def client_of(settings: Optional[Settings] = None, tenant: str = DEFAULT_TENANT,
              database: str = DEFAULT_DATABASE) -> Client:
    """The client that the settings describe: of a server, of a directory, or in memory."""
    settings = settings or Settings()
    if settings.chroma_server_host is not None:
        return HttpClient(settings.chroma_server_host, settings.chroma_server_http_port or 8000,
                          bool(settings.chroma_server_ssl_enabled), settings=settings,
                          tenant=tenant, database=database)
    if settings.is_persistent:
        return PersistentClient(settings.persist_directory, settings, tenant, database)
    return EphemeralClient(settings, tenant, database)


def admin_client_of(settings: Optional[Settings] = None) -> AdminClient:
    """The same for tenants and databases."""
    return AdminClient(client_of(settings)._session)
