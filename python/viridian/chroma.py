"""Chroma's own programs on Viridian, in process.

Importing this module lets the real `chromadb` build its clients on this library:

    import viridian.chroma
    client = chromadb.Client(Settings(chroma_api_impl="viridian.chroma.Api",
                                      persist_directory="my-data"))

A program that is not to be changed runs with every embedded client of its own on Viridian by

    python -m viridian.chroma PROGRAM [ARGUMENT...]
"""
import contextlib
import json
import os
import runpy
import sys
from typing import Sequence, Tuple
from uuid import UUID

import chromadb.errors
from chromadb.api import ServerAPI
from chromadb.api.collection_configuration import (
    create_collection_configuration_to_json, update_collection_configuration_to_json)
from chromadb.api.models.AttachedFunction import AttachedFunction
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.api.types import (
    DeleteResult, GetResult, IncludeMetadataDocuments, IncludeMetadataDocumentsDistances,
    IncludeMetadataDocumentsEmbeddings, IndexingStatus, QueryResult, ReadLevel, SearchResult)
from chromadb.auth import UserIdentity
from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings, System
from chromadb.types import Collection as CollectionModel, Database, Tenant
from overrides import override

from . import _core, configuration as configurations, errors, session

NAME = "viridian.chroma.Api"


def _is_persistent(settings):
    """Chroma's own rule, but a directory that the program names is used too."""
    return settings.is_persistent or "persist_directory" in settings.model_fields_set


@contextlib.contextmanager
def _chroma_errors():
    """Errors of this package as Chroma's of the same name."""
    try:
        yield
    except errors.ChromaError as error:
        # Of a name that is taken, Chroma's own component says that it is an internal error.
        for kind in type(error).__mro__:
            theirs = getattr(chromadb.errors, kind.__name__, None)
            if theirs and kind not in (errors.ChromaError, errors.UniqueConstraintError):
                raise theirs(str(error)) from error
        raise


def _model(text):
    """A collection as Chroma's clients hold it."""
    found = json.loads(text) if isinstance(text, str) else text
    return CollectionModel(
        id=UUID(found["id"]), name=found["name"], configuration_json=found["configuration_json"],
        serialized_schema=found["schema"], metadata=found["metadata"],
        dimension=found["dimension"], tenant=found["tenant"], database=found["database"])


class Api(ServerAPI):
    """The component that answers Chroma's clients."""

    def __init__(self, system: System):
        super().__init__(system)
        self._settings = system.settings
        self._database = None

    @override
    def start(self) -> None:
        super().start()
        engine = {"allow_reset": "true" if self._settings.allow_reset else "false"}
        with _chroma_errors():
            if _is_persistent(self._settings):
                session.refuse_chromas(self._settings.persist_directory)
                self._database = _core.Database.open(self._settings.persist_directory, engine)
            else:
                self._database = _core.Database.memory(engine)

    @override
    def stop(self) -> None:
        super().stop()
        if self._database is not None:
            self._database.close()

    def _records(self, collection_id, tenant, database):
        return _core.Collection(self._database, tenant, database, str(collection_id))

    @override
    def heartbeat(self) -> int:
        with _chroma_errors():
            return self._database.heartbeat()

    @override
    def get_version(self) -> str:
        with _chroma_errors():
            return self._database.version()

    @override
    def get_settings(self) -> Settings:
        return self._settings

    @override
    def get_max_batch_size(self) -> int:
        with _chroma_errors():
            return self._database.max_batch_size()

    @override
    def get_user_identity(self) -> UserIdentity:
        with _chroma_errors():
            found = json.loads(self._database.identity())
        return UserIdentity(user_id=found["user_id"], tenant=found["tenant"],
                            databases=found["databases"])

    @override
    def reset(self) -> bool:
        with _chroma_errors():
            self._database.reset()
        return True

    @override
    def create_tenant(self, name: str) -> None:
        with _chroma_errors():
            self._database.create_tenant(name)

    @override
    def get_tenant(self, name: str) -> Tenant:
        with _chroma_errors():
            return Tenant(name=json.loads(self._database.get_tenant(name))["name"])

    @override
    def create_database(self, name: str, tenant: str = DEFAULT_TENANT) -> None:
        with _chroma_errors():
            self._database.create_database(tenant, name)

    @override
    def get_database(self, name: str, tenant: str = DEFAULT_TENANT) -> Database:
        with _chroma_errors():
            found = json.loads(self._database.get_database(tenant, name))
        return Database(id=UUID(found["id"]), name=found["name"], tenant=found["tenant"])

    @override
    def list_databases(self, limit=None, offset=None,
                       tenant: str = DEFAULT_TENANT) -> Sequence[Database]:
        with _chroma_errors():
            found = json.loads(self._database.list_databases(tenant, limit, offset or 0))
        return [Database(id=UUID(one["id"]), name=one["name"], tenant=one["tenant"])
                for one in found]

    @override
    def delete_database(self, name: str, tenant: str = DEFAULT_TENANT) -> None:
        with _chroma_errors():
            self._database.delete_database(tenant, name)

    @override
    def count_collections(self, tenant: str = DEFAULT_TENANT,
                          database: str = DEFAULT_DATABASE) -> int:
        with _chroma_errors():
            return self._database.count_collections(tenant, database)

    @override
    def list_collections(self, limit=None, offset=None, tenant: str = DEFAULT_TENANT,
                         database: str = DEFAULT_DATABASE) -> Sequence[CollectionModel]:
        with _chroma_errors():
            text = self._database.list_collections(tenant, database, limit, offset or 0)
        return [_model(found) for found in json.loads(text)]

    @override
    def create_collection(self, name, schema=None, configuration=None, metadata=None,
                          get_or_create=False, tenant: str = DEFAULT_TENANT,
                          database: str = DEFAULT_DATABASE) -> CollectionModel:
        request = {"name": name, "get_or_create": get_or_create}
        if configuration:
            request["configuration"] = create_collection_configuration_to_json(
                configuration, metadata)
        if schema:
            request["schema"] = schema.serialize_to_json()
        if metadata is not None:
            request["metadata"] = metadata
        with _chroma_errors():
            return _model(self._database.create_collection(tenant, database, configurations.body(request)))

    @override
    def get_or_create_collection(self, name, schema=None, configuration=None, metadata=None,
                                 tenant: str = DEFAULT_TENANT,
                                 database: str = DEFAULT_DATABASE) -> CollectionModel:
        return self.create_collection(name, schema, configuration, metadata, True, tenant, database)

    @override
    def get_collection(self, name, tenant: str = DEFAULT_TENANT,
                       database: str = DEFAULT_DATABASE) -> CollectionModel:
        with _chroma_errors():
            return _model(self._database.get_collection(tenant, database, name))

    @override
    def get_collection_by_id(self, collection_id, tenant: str = DEFAULT_TENANT,
                             database: str = DEFAULT_DATABASE) -> CollectionModel:
        with _chroma_errors():
            return _model(self._database.get_collection_by_id(tenant, database, str(collection_id)))

    @override
    def delete_collection(self, name: str, tenant: str = DEFAULT_TENANT,
                          database: str = DEFAULT_DATABASE) -> None:
        with _chroma_errors():
            self._database.delete_collection(tenant, database, name)

    @override
    def _modify(self, id, new_name=None, new_metadata=None, new_configuration=None,
                tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE) -> None:
        change = {"new_name": new_name, "new_metadata": new_metadata}
        if new_configuration:
            change["new_configuration"] = update_collection_configuration_to_json(new_configuration)
        with _chroma_errors():
            self._database.modify_collection(tenant, database, str(id), configurations.body(change))

    @override
    def _count(self, collection_id, tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE,
               read_level=ReadLevel.INDEX_AND_WAL) -> int:
        with _chroma_errors():
            return self._records(collection_id, tenant, database).count(read_level)

    @override
    def _peek(self, collection_id, n=10, tenant: str = DEFAULT_TENANT,
              database: str = DEFAULT_DATABASE) -> GetResult:
        return self._get(collection_id, limit=n, include=IncludeMetadataDocumentsEmbeddings,
                         tenant=tenant, database=database)

    @override
    def _get(self, collection_id, ids=None, where=None, limit=None, offset=None,
             where_document=None, include=IncludeMetadataDocuments, tenant: str = DEFAULT_TENANT,
             database: str = DEFAULT_DATABASE) -> GetResult:
        with _chroma_errors():
            result = self._records(collection_id, tenant, database).get(
                ids, where, limit, offset, where_document, _of_engine(include))
        result["included"] = include
        return result

    @override
    def _query(self, collection_id, query_embeddings, ids=None, n_results=10, where=None,
               where_document=None, include=IncludeMetadataDocumentsDistances,
               tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE) -> QueryResult:
        with _chroma_errors():
            result = self._records(collection_id, tenant, database).query(
                query_embeddings, ids, n_results, where, where_document, _of_engine(include))
        result["included"] = include
        return result

    @override
    def _add(self, ids, collection_id, embeddings, metadatas=None, documents=None, uris=None,
             tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE) -> bool:
        with _chroma_errors():
            self._records(collection_id, tenant, database).add(
                ids, embeddings, metadatas, documents, uris)
        return True

    @override
    def _update(self, collection_id, ids, embeddings=None, metadatas=None, documents=None,
                uris=None, tenant: str = DEFAULT_TENANT,
                database: str = DEFAULT_DATABASE) -> bool:
        with _chroma_errors():
            self._records(collection_id, tenant, database).update(
                ids, embeddings, metadatas, documents, uris)
        return True

    @override
    def _upsert(self, collection_id, ids, embeddings, metadatas=None, documents=None, uris=None,
                tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE) -> bool:
        with _chroma_errors():
            self._records(collection_id, tenant, database).upsert(
                ids, embeddings, metadatas, documents, uris)
        return True

    @override
    def _delete(self, collection_id, ids=None, where=None, where_document=None, limit=None,
                tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE) -> DeleteResult:
        with _chroma_errors():
            return {"deleted": self._records(collection_id, tenant, database).delete(
                ids, where, where_document, limit)}

    @override
    def _fork(self, collection_id, new_name, tenant: str = DEFAULT_TENANT,
              database: str = DEFAULT_DATABASE) -> CollectionModel:
        raise NotImplementedError("collections cannot be forked")

    @override
    def _fork_count(self, collection_id, tenant: str = DEFAULT_TENANT,
                    database: str = DEFAULT_DATABASE) -> int:
        raise NotImplementedError("collections cannot be forked")

    @override
    def _get_indexing_status(self, collection_id, tenant: str = DEFAULT_TENANT,
                             database: str = DEFAULT_DATABASE) -> IndexingStatus:
        raise NotImplementedError("every record can be found as soon as it is written")

    @override
    def _search(self, collection_id, searches, tenant: str = DEFAULT_TENANT,
                database: str = DEFAULT_DATABASE, read_level=ReadLevel.INDEX_AND_WAL
                ) -> SearchResult:
        raise NotImplementedError("there is no search(): query() finds the nearest records")

    @override
    def attach_function(self, function_id, name, input_collection_id, output_collection,
                        params=None, tenant: str = DEFAULT_TENANT,
                        database: str = DEFAULT_DATABASE) -> Tuple[AttachedFunction, bool]:
        raise NotImplementedError("there are no attached functions")

    @override
    def get_attached_function(self, name, input_collection_id, tenant: str = DEFAULT_TENANT,
                              database: str = DEFAULT_DATABASE) -> AttachedFunction:
        raise NotImplementedError("there are no attached functions")

    @override
    def detach_function(self, name, input_collection_id, delete_output=False,
                        tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE) -> bool:
        raise NotImplementedError("there are no attached functions")


def _of_engine(include):
    """What the engine is asked for: data are loaded by the client, from uris."""
    return [name for name in include if name != "data"]


def _accept():
    """Chroma's clients know the implementations they may share by name: this one too, from now on."""
    theirs = SharedSystemClient._get_identifier_from_settings

    def identifier(settings):
        if settings.chroma_api_impl != NAME:
            return theirs(settings)
        if not _is_persistent(settings):
            return "viridian"
        return "viridian:" + os.path.realpath(settings.persist_directory)

    SharedSystemClient._get_identifier_from_settings = staticmethod(identifier)


_accept()


def main(arguments):
    """Runs a program with this as Chroma's default implementation."""
    if not arguments:
        sys.exit("usage: python -m viridian.chroma PROGRAM [ARGUMENT...]")
    os.environ["CHROMA_API_IMPL"] = NAME
    sys.argv = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
    runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    # Under its own name, which is the one that settings have.
    from viridian import chroma

    chroma.main(sys.argv[1:])
